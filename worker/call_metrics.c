// See call_metrics.h.
#include "call_metrics.h"

#include "log.h"

#include <string.h>

void call_metrics_register(struct call_metrics *counts, struct metrics *metrics)
{
    static const char NAME[] = "dialin_calls_total";
    static const char HELP[] = "Calls by what became of them.";
    counts->started = metrics_counter(metrics, NAME, HELP, "outcome=\"started\"");
    counts->expired = metrics_counter(metrics, NAME, HELP, "outcome=\"expired\"");
    counts->unknown = metrics_counter(metrics, NAME, HELP, "outcome=\"unknown\"");
    counts->rejected = metrics_counter(metrics, NAME, HELP, "outcome=\"rejected\"");
    counts->invalid = metrics_counter(metrics, NAME, HELP, "outcome=\"invalid\"");
    counts->declined = metrics_counter(metrics, NAME, HELP, "outcome=\"declined\"");
    counts->duplicate = metrics_counter(metrics, NAME, HELP, "outcome=\"duplicate\"");
    counts->taken_over =
        metrics_counter(metrics, "dialin_calls_taken_over_total",
                        "Calls that this worker dropped because another has them.", NULL);
    counts->attempts =
        metrics_counter(metrics, "dialin_attempts_total", "Start requests sent.", NULL);
    counts->failed_attempts =
        metrics_counter(metrics, "dialin_attempts_failed_total",
                        "Start requests without an answer, or with 408, 425 or 5xx.", NULL);
    counts->in_work = metrics_gauge(metrics, "dialin_calls_in_work",
                                    "Calls this worker has, waiting ones included.", NULL);
    counts->ring_to_request =
        metrics_seconds(metrics, "dialin_ring_to_request_seconds",
                        "From the webhook's arrival to its first start request.");
    counts->start_latency =
        metrics_seconds(metrics, "dialin_start_seconds", "How long /start took to answer 2xx.");
}

void call_metrics_count(const struct call_metrics *counts, const struct outcome *outcome)
{
    if (outcome->name == OUTCOME_STARTED) {
        (*counts->started)++;
    } else if (outcome->name == OUTCOME_DEAD) {
        (*(!strcmp(outcome->reason, "expired")    ? counts->expired
           : !strcmp(outcome->reason, "unknown")  ? counts->unknown
           : !strcmp(outcome->reason, "rejected") ? counts->rejected
           : !strcmp(outcome->reason, "declined") ? counts->declined
                                                  : counts->invalid))++;
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
