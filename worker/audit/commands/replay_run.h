// One run of a replay: its destination, sending webhooks at their pace, waiting for their ends,
// and the comparison. Its memory does not grow with the number of calls.
#ifndef DIALIN_AUDIT_REPLAY_RUN_H
#define DIALIN_AUDIT_REPLAY_RUN_H

#include "command.h"
#include "progress.h"
#include "record_walk.h"
#include "replay_report.h"

#define REPLAY_PREFIX_BYTES 256
#define REPLAY_KEPT_S 86400 // the record of a replay to another agent

struct replay_run {
    struct audit *audit;
    struct progress progress;
    char prefix[REPLAY_PREFIX_BYTES]; // under which it is recorded
    char script[41];                  // the digest of replay.lua
    struct entry_id first, last;      // its entries
    uint64_t sent, refused, total;
    uint64_t begun_us, first_received_ms, last_sent_us;
    bool has_dialouts;
};

// Names the prefix: that of the record with --live, else a new one. False: Redis did not answer.
bool replay_run_init(struct replay_run *run, struct audit *audit, uint64_t total);

// A record_on_call: waits for the call's moment, and puts it through. False: interrupted, or Redis
// did not answer.
bool replay_send(const struct recorded_call *call, void *run);

// Waits until all have ended, or their holds are long over. `is_running` is asked between two
// looks. False: interrupted, or Redis did not answer, or is_running said no.
bool replay_wait(struct replay_run *run, bool (*is_running)(void *arg), void *arg);

// Compares every replay with its original; `report` is zeroed.
bool replay_compare(struct replay_run *run, struct replay_report *report);

// Records under a prefix of their own expire after REPLAY_KEPT_S.
bool replay_expire(struct replay_run *run, const char *agent);

#endif
