// Counters and log lines of the worker's calls. Those with the label `agent` are made when a call
// of that agent is counted first, for AGENT_NAMES_MAX agents; all others are `other`.
#ifndef DIALIN_CALL_METRICS_H
#define DIALIN_CALL_METRICS_H

#include "agent_names.h"
#include "call.h"
#include "json_line.h"
#include "metrics.h"

#define CALL_ATTEMPT_RESULTS(X)                                                                    \
    X(CALL_ATTEMPT_STARTED, "started")                                                             \
    X(CALL_ATTEMPT_FULL, "full")                                                                   \
    X(CALL_ATTEMPT_FAILED, "failed")                                                               \
    X(CALL_ATTEMPT_UNKNOWN, "unknown")             /* no answer: a bot may have started */         \
    X(CALL_ATTEMPT_MISCONFIGURED, "misconfigured") /* the agent rejects our configuration */       \
    X(CALL_ATTEMPT_REJECTED, "rejected")           /* it rejects this call */

enum call_attempt_result {
#define CALL_ATTEMPT_RESULT(name, text) name,
    CALL_ATTEMPT_RESULTS(CALL_ATTEMPT_RESULT)
#undef CALL_ATTEMPT_RESULT
        CALL_ATTEMPT_RESULT_COUNT
};

struct call_metrics_agent;

// The pointers live as long as the metrics they were registered with.
struct call_metrics {
    struct metrics *metrics;
    struct agent_names names;
    struct call_metrics_agent *agents[AGENT_NAMES_SLOTS]; // of the names
    uint64_t *taken_over, *failed_attempts;
    int64_t *in_work;
    struct metrics_histogram *ring_to_request;
};

// `agent` is the environment's, which is shown before its first call.
void call_metrics_register(struct call_metrics *counts, struct metrics *metrics, const char *agent,
                           size_t in_work_max);
void call_metrics_release(struct call_metrics *counts);

// Counts a final outcome; others are none of its business.
void call_metrics_count(struct call_metrics *counts, const struct call *call);
void call_metrics_count_duplicate(struct call_metrics *counts, const struct call *call);
// A call of this agent that no worker has in work any more.
void call_metrics_count_abandoned(struct call_metrics *counts, const char *agent,
                                  const char *reason);

// Counts an attempt, and of a start how long the answer took.
void call_metrics_count_attempt(struct call_metrics *counts, const struct call *call,
                                enum call_attempt_result result, uint64_t latency_us);

// Adds `attempts`: how many requests to each agent went wrong, by result.
void call_metrics_describe(const struct call_metrics *counts, struct json_line *line);

// Logs the outcome that `finish` has recorded.
void call_log_outcome(const struct call *call);

#endif
