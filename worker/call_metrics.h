// Counters and log lines of the worker's calls.
#ifndef DIALIN_CALL_METRICS_H
#define DIALIN_CALL_METRICS_H

#include "call.h"
#include "metrics.h"

// The pointers live as long as the metrics they were registered with.
struct call_metrics {
    uint64_t *started, *expired, *unknown, *rejected, *invalid, *declined, *duplicate;
    uint64_t *taken_over;
    uint64_t *attempts, *failed_attempts;
    int64_t *in_work;
    struct metrics_histogram *ring_to_request, *start_latency;
};

void call_metrics_register(struct call_metrics *counts, struct metrics *metrics);

// Counts a final outcome; others are none of its business.
void call_metrics_count(const struct call_metrics *counts, const struct outcome *outcome);

// Logs the outcome that `finish` has recorded.
void call_log_outcome(const struct call *call);

#endif
