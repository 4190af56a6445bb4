// See call_metrics.h.
#include "call_metrics.h"

#include <string.h>

void call_metrics_register(struct call_metrics *counts, struct metrics *metrics)
{
    static const char NAME[] = "dialin_calls_total";
    static const char HELP[] = "Calls by what became of them.";
    counts->started = metrics_counter(metrics, NAME, HELP, "outcome=\"started\"");
    counts->expired = metrics_counter(metrics, NAME, HELP, "outcome=\"expired\"");
    counts->rejected = metrics_counter(metrics, NAME, HELP, "outcome=\"rejected\"");
    counts->invalid = metrics_counter(metrics, NAME, HELP, "outcome=\"invalid\"");
    counts->duplicate = metrics_counter(metrics, NAME, HELP, "outcome=\"duplicate\"");
    counts->taken_over =
        metrics_counter(metrics, "dialin_calls_taken_over_total",
                        "Calls that this worker let go of because another has them.", NULL);
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
           : !strcmp(outcome->reason, "rejected") ? counts->rejected
                                                  : counts->invalid))++;
    }
}
