// A call as it stands in Redis: its entry in the stream and its hash, read together. Pure.
#ifndef DIALIN_AUDIT_RECORDED_CALL_H
#define DIALIN_AUDIT_RECORDED_CALL_H

#include "entry_id.h"
#include "webhook_entry.h"
#include "webhook_repair.h"

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stdint.h>

#define RECORDED_CALL_NAME_BYTES (WEBHOOK_RECORD_ID_BYTES_MAX + 1)

// queued: no worker has begun it yet. duplicate: the entry repeats another call. unknown: the entry
// is finished, but its record is gone (forgotten, or lost).
#define RECORDED_STATES(X)                                                                         \
    X(QUEUED, "queued")                                                                            \
    X(STARTING, "starting")                                                                        \
    X(WAITING, "waiting")                                                                          \
    X(STARTED, "started")                                                                          \
    X(DEAD, "dead")                                                                                \
    X(DUPLICATE, "duplicate")                                                                      \
    X(UNKNOWN, "unknown")
enum recorded_state {
#define RECORDED_STATE(name, text) RECORDED_##name,
    RECORDED_STATES(RECORDED_STATE)
#undef RECORDED_STATE
        RECORDED_STATE_COUNT
};
const char *recorded_state_name(enum recorded_state state);
bool recorded_state_of(const char *name, enum recorded_state *state);

struct recorded_call {
    struct entry_id id;
    char entry[ENTRY_ID_BYTES];
    char call_id[RECORDED_CALL_NAME_BYTES]; // under which it is recorded
    enum recorded_state state;
    struct webhook_entry webhook;     // points into the row; empty if it is no longer there
    const char *flaw;                 // of the entry: a sentence, or NULL
    const redisReply *hash;           // names and values in turn; NULL: there is none
    char repairs[WEBHOOK_FLAW_BYTES]; // the repairs of the webhook; empty: none
    char from[WEBHOOK_PARTY_BYTES_MAX + 1];
    char to[WEBHOOK_PARTY_BYTES_MAX + 1];
    const char *reason, *agent, *route; // "" if unknown; the rest is in the hash
    uint64_t received_ms;               // Redis' time, as all of these; 0: unknown
    uint64_t started_ms;
    uint64_t updated_ms;
};

// The name under which the call of a stream's row is recorded.
void recorded_call_name(const redisReply *row, char name[RECORDED_CALL_NAME_BYTES]);

// `row` is as XRANGE answers it, `hash` as HGETALL; both are borrowed. `is_unfinished`: the group
// still has the entry, or has not read it yet.
void recorded_call_read(struct recorded_call *call, const redisReply *row, const redisReply *hash,
                        bool is_unfinished);

// Who is at the other end, for people: the caller; of a dial-out `to ` and who is called, `to 3
// numbers` if they are several; of a call back `back ` and its number. Cut at `size`.
void recorded_call_party(const struct recorded_call *call, char *out, size_t size);

// The numbers and addresses that a dial-out calls, in its order: `on_number` for each.
typedef void recorded_on_number(const char *number, void *arg);
void recorded_call_dials(const struct recorded_call *call, recorded_on_number *on_number,
                         void *arg);

// How long the caller waited until the agent had a bot for him, or until the call was given up; of
// a call that still waits, until now.
uint64_t recorded_call_waited_ms(const struct recorded_call *call, uint64_t now_ms);

#endif
