// The outcome of one step of a call, as `finish` records it. OUTCOME_FIELDS is the one list of its
// fields: it makes the struct, the arguments of finish.lua and the names under which finish.lua
// finds them. finish.lua counts them, so that a field that it does not know stops the first call.
#ifndef DIALIN_OUTCOME_H
#define DIALIN_OUTCOME_H

#include "bytes.h"

#include <stdbool.h>
#include <stdint.h>

enum outcome_name {
    OUTCOME_STARTED,
    OUTCOME_DEAD,
    OUTCOME_LINE,     // waits in the agent's line, and no longer belongs to a worker
    OUTCOME_AGAIN,    // stays this worker's, which begins again by itself
    OUTCOME_REJECTED, // one of the other three: finish.lua counts the call's rejections and decides
};

// X(kind, name, size of an array): NAME is the enum above, TEXT a borrowed constant, ARRAY a copied
// text, BYTES an owned buffer, NUMBER and FLAG are themselves; a STATUS of 0 is an empty text.
#define OUTCOME_FIELDS(X)                                                                          \
    X(NAME, name, 0)                                                                               \
    X(TEXT, reason, 0)    /* of OUTCOME_DEAD: expired, rejected, invalid, declined */              \
    X(ARRAY, error, 256)  /* a sentence, or "" */                                                  \
    X(NUMBER, attempt, 0) /* 0: no POST was made */                                                \
    X(STATUS, http_status, 0)                                                                      \
    X(NUMBER, latency_ms, 0)                                                                       \
    X(BYTES, request, 0)  /* redacted */                                                           \
    X(BYTES, response, 0) /* redacted, cut */                                                      \
    X(ARRAY, session_id, 257)                                                                      \
    X(ARRAY, room_url, 1025)                                                                       \
    X(NUMBER, failures, 0)       /* in a row, this one included */                                 \
    X(NUMBER, retry_after_ms, 0) /* the agent asks to be left alone; 0: no */                      \
    X(FLAG, unanswered, 0)       /* the POST was sent, and no answer came */                       \
    X(FLAG, lines_up, 0)         /* the agent's calls stand in line from now on */                 \
    X(FLAG, agent_failed, 0)     /* and not this call, or this worker */                           \
    X(NUMBER, again_after_ms, 0) /* of OUTCOME_AGAIN: how long this call does not ask */           \
    X(FLAG, is_down, 0)          /* the agent is misconfigured, or fails each time */              \
    X(TEXT, definition, 0)       /* a digest of the route's, or "" */                              \
    X(FLAG, is_counted, 0)       /* among the requests that are out for its agent */               \
    X(ARRAY, number, 21)         /* of the caller, digits; "": none */                             \
    X(BYTES, dialled, 0)         /* the numbers of a dial-out, digits, a space between */          \
    X(NUMBER, served_kept_ms, 0) /* how long its having been served is remembered; 0: not */       \
    X(BYTES, callback, 0)        /* the call back if this one died expired: JSON, or "" */

#define OUTCOME_COUNT_ONE(kind, name, size) +1
#define OUTCOME_FIELDS_COUNT (0 OUTCOME_FIELDS(OUTCOME_COUNT_ONE))

struct outcome {
#define OUTCOME_MEMBER_NAME(name, size) enum outcome_name name;
#define OUTCOME_MEMBER_TEXT(name, size) const char *name;
#define OUTCOME_MEMBER_ARRAY(name, size) char name[size];
#define OUTCOME_MEMBER_NUMBER(name, size) uint64_t name;
#define OUTCOME_MEMBER_STATUS(name, size) uint64_t name;
#define OUTCOME_MEMBER_FLAG(name, size) bool name;
#define OUTCOME_MEMBER_BYTES(name, size) struct bytes name;
#define OUTCOME_MEMBER(kind, name, size) OUTCOME_MEMBER_##kind(name, size)
    OUTCOME_FIELDS(OUTCOME_MEMBER)
#undef OUTCOME_MEMBER
};

void outcome_init(struct outcome *outcome, size_t request_bytes_max, size_t response_bytes_max);
void outcome_release(struct outcome *outcome);

// Begins a new outcome; its buffers are emptied, everything else is 0. `reason` is borrowed,
// `error` is copied and may be NULL.
void outcome_set(struct outcome *outcome, enum outcome_name name, const char *reason,
                 const char *error);

// The names of the fields in their order, with a space between.
extern const char OUTCOME_FIELD_NAMES[];

// The fields as texts, in their order. They borrow from `outcome` and `args` itself.
struct outcome_args {
    struct bytes_view view[OUTCOME_FIELDS_COUNT];
    char number[OUTCOME_FIELDS_COUNT][24];
};
void outcome_to_args(const struct outcome *outcome, struct outcome_args *args);

#endif
