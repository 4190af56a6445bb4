// The record of a call: the two atomic steps that change it, `begin` before each POST and
// `finish` after it (worker/record/begin.lua and finish.lua).
#ifndef DIALIN_RECORD_H
#define DIALIN_RECORD_H

#include "outcome.h"
#include "redis_replicas.h"
#include "script.h"
#include "webhook_entry.h"

#include <stdint.h>

#define RECORD_TOKEN_BYTES 96
#define RECORD_DEATHS_MAX 5 // of workers with a call's request out; then it is given up

// The call that a step is about; everything is borrowed for the call of the function.
struct record_call {
    struct bytes_view entry_id;
    struct bytes_view call_id;
    enum webhook_kind kind;
    const char *from;
    const char *to;
    const char *agent;
    const char *route;     // its name; "": none
    unsigned step;         // along the route
    const char *why_moved; // why the record may name another route, agent or step; "": it must not
    uint64_t out_max;      // requests that may be out for the agent; 0: any number
    uint64_t next_ms;      // when it moves on to the route's next agent; 0: never
    const char *limit;     // of its caller: "<calls> <ms> <caller>", or ""
    const char *lookup;    // of its route, as begin.lua has it: "", "ask", or its result
    const char *callback;  // the number of a call back, digits; "": it is none
    const char *room_url;  // of a trunk's call, whose caller is in that room; "": it is none
    uint64_t priority_ms;  // by which the call stands earlier in the agent's line
    uint64_t received_ms;
    uint64_t rang_ms;     // the same, unless Redis' clock stepped since: then by its clock now
    uint64_t deadline_ms; // the end of the caller's hold
    struct bytes_view sha256;
};

enum record_verdict {
    RECORD_GO,        // begin: POST now, this is attempt number `attempt`
    RECORD_DUPLICATE, // another entry has this call; recorded and acknowledged
    RECORD_FINISHED,  // begin: this entry was finished before; acknowledged
    RECORD_LOOK,      // begin: ask the lookup of its route
    RECORD_DECLINED,  // begin: its caller has rung too often
    RECORD_SERVED,    // begin: the number of a call back has been served since; finish: recorded so
    RECORD_STARTED,   // begin: a late answer said that its bot is there; finish: recorded so
    RECORD_ABANDONED, // its caller has hung up; recorded so, `attempt` calls have ended
    RECORD_ELSEWHERE, // begin: the record names another route, agent or step: read it
    RECORD_LINED_UP,  // begin: the agent has a line; finish: rejected; the call now stands in line
    RECORD_BUSY,      // begin: another worker has its request out and lives, or it is to wait
    RECORD_SUSPECT,   // begin: more workers than `deaths_max` died with its request out
    RECORD_POISON,    // begin: RECORD_DEATHS_MAX of them in a row did: give it up
    RECORD_DONE,      // finish: it is recorded; the agent answered another worker `attempt` ms ago
    RECORD_UNKNOWN,   // recorded as `unknown`, not `expired` or `abandoned`: a bot may have started
    RECORD_REJECTED,  // finish: recorded as dead, `rejected`
    RECORD_AGAIN,     // finish: rejected, and to ask again after `attempt` ms
    RECORD_NOT_YET,   // finish: the hold or its grace goes on; ask again after `attempt` ms
    RECORD_LOST,      // another worker has taken the entry over, or it is gone: drop it
    RECORD_UNAVAILABLE, // Redis did not answer, or not now: send the same step again later
    RECORD_NO_GROUP,    // finish: the stream's group is gone: the same, once it was made again
};
// `failures`: in a row before this attempt, as far as Redis knows; of RECORD_SUSPECT, the deaths;
// of a rejection, 1 if its route is rejecting (worker/line/rejecting.lua), else 0; of RECORD_DONE,
// 1 if `attempt` is known, which is only asked for an attempt without an answer.
typedef void record_on_verdict(enum record_verdict verdict, unsigned attempt, unsigned failures,
                               void *arg);

struct record;

struct record_settings {
    const char *consumer;    // borrowed for the call of record_open
    uint64_t request_ms_max; // how long a request may be in flight
    uint64_t grace_ms;       // HOLD_GRACE_S
};

// With `replicas` (which may be NULL) both steps wait for them. If too few of them have a `begin`
// in time, it is RECORD_UNAVAILABLE, and no other begins while they are missing; a `finish` waits
// on.
struct record *record_open(struct loop *loop, struct scripts *scripts,
                           struct redis_replicas *replicas, const struct record_settings *settings);
// When connection and replicas have been closed, and the calls are still there: steps that never
// left get RECORD_UNAVAILABLE.
void record_close(struct record *record);

// `token` is the same when one step is sent again after RECORD_UNAVAILABLE, and new for each POST.
// `deaths_max`: of workers, before the verdict is RECORD_SUSPECT.
// The callback comes exactly once, never from inside the call, except that false means: not sent,
// no callback, as RECORD_UNAVAILABLE.
bool record_begin(struct record *record, const struct record_call *call, const char *token,
                  unsigned deaths_max, record_on_verdict *on_verdict, void *arg);
bool record_finish(struct record *record, const struct record_call *call,
                   const struct outcome *outcome, record_on_verdict *on_verdict, void *arg);

#endif
