// See call_metrics.h.
#include "call_metrics.h"

#include "log.h"
#include "memory.h"
#include "waited_bounds.h"

#include <stdlib.h>
#include <string.h>

static const char *const OUTCOMES[] = {"started",   "expired",  "unknown",      "rejected",
                                       "invalid",   "declined", "abandoned",    "cancelled",
                                       "duplicate", "served",   "callback_dead"};
#define OUTCOME_COUNT (sizeof OUTCOMES / sizeof OUTCOMES[0])

static const double WAITED_S[] = {WAITED_BOUNDS_S};

static const char *const RESULTS[] = {
#define CALL_ATTEMPT_RESULT(name, text) text,
    CALL_ATTEMPT_RESULTS(CALL_ATTEMPT_RESULT)
#undef CALL_ATTEMPT_RESULT
};

struct call_metrics_agent {
    uint64_t *calls[OUTCOME_COUNT];
    uint64_t *attempts[CALL_ATTEMPT_RESULT_COUNT];
    struct metrics_histogram *start, *ring_to_start;
};

// --- the series of an agent --------------------------------------------------------------------

static uint64_t *counter(struct metrics *metrics, const char *name, const char *help,
                         const char *agent_label, const char *label, const char *value)
{
    char labels[METRICS_LABEL_BYTES + 64];
    snprintf(labels, sizeof labels, "%s,%s=\"%s\"", agent_label, label, value);
    return metrics_counter(metrics, name, help, labels);
}

static void register_agent(struct call_metrics_agent *agent, struct metrics *metrics,
                           const char *name)
{
    char label[METRICS_LABEL_BYTES];
    metrics_label(label, sizeof label, "agent", name);
    for (size_t i = 0; i < OUTCOME_COUNT; i++) {
        agent->calls[i] = counter(metrics, "dialin_calls_total", "Calls by what became of them.",
                                  label, "outcome", OUTCOMES[i]);
    }
    for (size_t i = 0; i < CALL_ATTEMPT_RESULT_COUNT; i++) {
        agent->attempts[i] =
            counter(metrics, "dialin_attempts_total", "Start requests by what the agent answered.",
                    label, "result", RESULTS[i]);
    }
    agent->start = metrics_histogram(metrics, "dialin_start_seconds",
                                     "How long /start took to answer 2xx.", label, NULL, 0);
    agent->ring_to_start =
        metrics_histogram(metrics, "dialin_ring_to_start_seconds",
                          "From a dial-in webhook's arrival to the start of its bot.", label,
                          WAITED_S, sizeof WAITED_S / sizeof WAITED_S[0]);
}

static struct call_metrics_agent *agent_of(struct call_metrics *counts, const char *name)
{
    size_t before = counts->names.count;
    size_t slot = agent_names_slot(&counts->names, name);
    if (counts->names.count > before) {
        counts->agents[slot] = memory_zeroed(sizeof *counts->agents[slot]);
        register_agent(counts->agents[slot], counts->metrics, counts->names.list[slot]);
    }
    return counts->agents[slot];
}

static struct call_metrics_agent *agent_of_call(struct call_metrics *counts,
                                                const struct call *call)
{
    return agent_of(counts, call->place.agent->route.agent);
}

static void count_outcome(const struct call_metrics_agent *agent, const char *outcome)
{
    for (size_t i = 0; i < OUTCOME_COUNT; i++) {
        *agent->calls[i] += !strcmp(OUTCOMES[i], outcome);
    }
}

// --- counting ----------------------------------------------------------------------------------

void call_metrics_count(struct call_metrics *counts, const struct call *call)
{
    const struct outcome *outcome = &call->outcome;
    struct call_metrics_agent *agent = agent_of_call(counts, call);
    if (outcome->name == OUTCOME_STARTED) {
        count_outcome(agent, "started");
        if (call->kind != WEBHOOK_DIALOUT) {
            metrics_observe(agent->ring_to_start, hold_age_ms(&call->hold) * 1000);
        }
    } else if (outcome->name == OUTCOME_DEAD) {
        bool is_second = call->callback_of[0] && strcmp(outcome->reason, "served") != 0;
        count_outcome(agent, is_second ? "callback_dead" : outcome->reason);
    }
}

void call_metrics_count_duplicate(struct call_metrics *counts, const struct call *call)
{
    count_outcome(agent_of_call(counts, call), "duplicate");
}

void call_metrics_count_abandoned(struct call_metrics *counts, const char *agent,
                                  const char *reason)
{
    count_outcome(agent_of(counts, agent), reason);
}

void call_metrics_count_attempt(struct call_metrics *counts, const struct call *call,
                                enum call_attempt_result result, uint64_t latency_us)
{
    struct call_metrics_agent *agent = agent_of_call(counts, call);
    (*agent->attempts[result])++;
    if (result == CALL_ATTEMPT_STARTED) {
        metrics_observe(agent->start, latency_us);
    }
}

void call_metrics_describe(const struct call_metrics *counts, struct json_line *line)
{
    static const enum call_attempt_result WRONG[] = {CALL_ATTEMPT_FAILED, CALL_ATTEMPT_UNKNOWN,
                                                     CALL_ATTEMPT_MISCONFIGURED};
    json_line_open(line, "attempts", '[');
    for (size_t i = 0; i < counts->names.count; i++) {
        const struct call_metrics_agent *agent = counts->agents[i];
        json_line_open_element(line);
        json_line_text(line, "agent", view_of_text(counts->names.list[i]));
        for (size_t k = 0; k < sizeof WRONG / sizeof WRONG[0]; k++) {
            json_line_number(line, RESULTS[WRONG[k]], *agent->attempts[WRONG[k]]);
        }
        json_line_close(line, '}');
    }
    json_line_close(line, ']');
}

void call_metrics_register(struct call_metrics *counts, struct metrics *metrics, const char *agent,
                           size_t in_work_max)
{
    counts->metrics = metrics;
    counts->taken_over =
        metrics_counter(metrics, "dialin_calls_taken_over_total",
                        "Calls that this worker dropped because another has them.", NULL);
    counts->failed_attempts =
        metrics_counter(metrics, "dialin_attempts_failed_total",
                        "Start requests without an answer, or with 408, 425 or 5xx.", NULL);
    counts->in_work = metrics_gauge(metrics, "dialin_calls_in_work",
                                    "Calls this worker has, waiting ones included.", NULL);
    *metrics_gauge(metrics, "dialin_calls_in_work_max", "The most that it takes (CONCURRENCY).",
                   NULL) = (int64_t)in_work_max;
    counts->ring_to_request =
        metrics_seconds(metrics, "dialin_ring_to_request_seconds",
                        "From the webhook's arrival to its first start request.");
    agent_of(counts, agent);
}

void call_metrics_release(struct call_metrics *counts)
{
    for (size_t i = 0; i < counts->names.count; i++) {
        free(counts->agents[i]);
    }
}

void call_log_outcome(const struct call *call)
{
    const struct outcome *outcome = &call->outcome;
    int64_t since_ring_ms = (int64_t)hold_age_ms(&call->hold);
    if (outcome->name == OUTCOME_STARTED) {
        log_info("call started", log_text("call_id", call->call_id),
                 log_text("entry", call->entry_id), log_phone("from", call->facts.from),
                 log_number("attempt", (int64_t)outcome->attempt),
                 log_number("since_ring_ms", since_ring_ms),
                 log_text("session_id", outcome->session_id), log_text("flaw", outcome->error));
    } else if (outcome->name == OUTCOME_DEAD) {
        log_warning("call dead", log_text("call_id", call->call_id),
                    log_text("entry", call->entry_id), log_phone("from", call->facts.from),
                    log_text("reason", outcome->reason), log_text("error", outcome->error),
                    log_number("since_ring_ms", since_ring_ms));
    } else {
        log_info(outcome->name == OUTCOME_LINE ? "call waits in line" : "call will be retried",
                 log_text("call_id", call->call_id), log_text("entry", call->entry_id),
                 log_number("attempt", (int64_t)outcome->attempt),
                 log_number("status", (int64_t)outcome->http_status),
                 log_text("error", outcome->error),
                 log_number("again_in_ms", (int64_t)outcome->again_after_ms));
    }
}
