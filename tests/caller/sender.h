// Sends a plan, in a burst or at a rate, and notes how each webhook was taken.
#ifndef CALLER_SENDER_H
#define CALLER_SENDER_H

#include "loop.h"
#include "plan.h"
#include "progress.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SENDER_TIMEOUT_MS 15000
#define SENDER_IN_FLIGHT_MAX 10000 // at a rate; in a burst, the connections
#define SENDER_STATUS_END 600

struct sent {
    uint64_t sends;        // webhooks that left or tried to
    uint64_t acknowledged; // 200
    uint64_t spooled;      // of these, taken by the spool
    uint64_t not_sent;     // no connection
    uint64_t unknown;      // sent, and no answer
    uint64_t statuses[SENDER_STATUS_END];
    uint64_t took_us;       // from the first send to the last answer
    uint32_t *latencies_us; // of what was answered; at a rate, from when it was due
    size_t latency_count;
    bool *is_acknowledged; // for each call, whether at least one of its webhooks was
    char error[256];       // the first that was met
    char refusal[256];     // the first answer other than 200
};

// Runs the loop until everything is answered, or loop_stop. Whoever calls releases `sent`.
void sender_run(struct loop *loop, struct plan *plan, struct progress *progress, struct sent *sent);
void sent_release(struct sent *sent);

#endif
