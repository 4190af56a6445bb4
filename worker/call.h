// One call in work: its data, and its state. Plain memory, owned by
// the table of calls; the story that changes it is in calls.c.
#ifndef DIALIN_CALL_H
#define DIALIN_CALL_H

#include "hold.h"
#include "lookup_answer.h"
#include "phone_number.h"
#include "loop.h"
#include "record.h"
#include "route_place.h"
#include "signature.h"
#include "stream_entry.h"
#include "transform.h"
#include "webhook_entry.h"

#define CALL_RESPONSE_BYTES_MAX 4096 // of an answer, as recorded

// The states of a call: named once, for the code and for the log.
#define CALL_STATES(X)                                                                             \
    X(CALL_BEGINNING, "beginning") /* `begin` is out, or is to be sent again */                    \
    X(CALL_LOOKING, "looking")     /* its lookup is asked */                                       \
    X(CALL_STARTING, "starting")   /* the POST is out */                                           \
    X(CALL_FINISHING, "finishing") /* `finish` is out, or is to be sent again */                   \
    X(CALL_PAUSING, "pausing")     /* until its next attempt */

enum call_state {
#define CALL_STATE_NAME(name, text) name,
    CALL_STATES(CALL_STATE_NAME)
#undef CALL_STATE_NAME
};
const char *call_state_name(enum call_state state);

struct call {
    struct call *next; // in its bucket of the table
    void *owner;       // the table
    struct loop_timer *timer;
    enum call_state state;

    char entry_id[ENTRY_ID_BYTES];
    char call_id[WEBHOOK_RECORD_ID_BYTES_MAX + 1];
    enum webhook_kind kind;
    uint64_t received_ms; // Redis' time
    struct hold hold;
    char sha256[SIGNATURE_SHA256_HEX];
    struct bytes body;
    char *signed_for;  // of its entry
    char *callback_of; // the call that died, if this is its call back; else ""
    char *callback_route;
    uint64_t callback_hold_ms;
    struct transform_facts facts;
    char number[PHONE_DIGITS_MAX + 1]; // of the caller, digits; empty: none

    struct routing *routing; // by which it was placed; the call is one of its owners
    struct route_place place;
    bool has_place;                                 // `place` is more than a first guess
    bool is_new;                                    // it had no record when it came
    char recorded_route[ROUTE_NAME_BYTES_MAX + 1];  // as its entry was handed over
    char recorded_agent[ROUTE_AGENT_BYTES_MAX + 1]; // empty: it had no record
    unsigned recorded_step;
    char *limit;                  // of its caller, as record.h has it; NULL: none
    struct lookup_answer *lookup; // NULL: there is none
    bool was_looked_up;
    char *lookup_record;   // for the next `begin`; NULL: it is recorded, or there is nothing
    const char *why_moved; // from the place that is recorded; "": it is there

    char token[RECORD_TOKEN_BYTES]; // of the begin at hand
    unsigned begins;
    unsigned attempt;    // number of the POST at hand
    unsigned failures;   // in a row, before it
    unsigned deaths;     // of workers with its request out; 0: as far as this worker knows, none
    bool is_quarantined; // it counts among the suspects that are out
    uint64_t begun_ms;   // when `begin` was sent: the POST must follow soon
    struct bytes request;
    struct outcome outcome; // to be recorded by the next `finish`
};

// Copies an entry. Returns NULL if it is usable, else the reason: then it is still a call, to be
// recorded as dead. Owned by the caller until call_free.
struct call *call_new(struct bytes_view entry_id, const struct webhook_entry *entry,
                      const struct stream_entry_record *record, const char **problem);
void call_free(struct call *call); // its timer is the caller's

// Views for the two steps and the transformation, borrowed from the call.
struct record_call call_for_record(const struct call *call, const struct redis *redis);
struct webhook_entry call_entry(const struct call *call);

// Sets the outcome to be recorded, and frees the earlier one. `error` may be NULL.
void call_set_outcome(struct call *call, enum outcome_name name, const char *reason,
                      const char *error);

#endif
