// See intake_metrics.h. Every code of a refusal has its row, so that none is counted nowhere.
#include "intake_metrics.h"

#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

void intake_refusals_register(struct intake_refusals rows[INTAKE_REFUSAL_CODES_MAX],
                              struct metrics *metrics, const char *name, const char *help)
{
    static const struct {
        const char *code;
        const char *labels;
    } CODES[] = {
#define CODE(code) {code, "result=\"" code "\""}
        CODE("bad_request"),
        CODE("invalid_json"),
        CODE("missing_fields"),
        CODE("invalid_field"),
        CODE("missing_signature"),
        CODE("invalid_signature"),
        CODE("stale_timestamp"),
        CODE("not_found"),
        CODE("method_not_allowed"),
        CODE("request_timeout"),
        CODE("body_too_large"),
        CODE("queue_unavailable"),
        CODE("busy"),
#undef CODE
    };
    static_assert(sizeof CODES / sizeof CODES[0] < INTAKE_REFUSAL_CODES_MAX, "one row stays empty");
    for (size_t i = 0; i < sizeof CODES / sizeof CODES[0]; i++) {
        rows[i].code = CODES[i].code;
        rows[i].count = metrics_counter(metrics, name, help, CODES[i].labels);
    }
}

void intake_counts_register(struct intake_metrics *counts, struct metrics *metrics,
                            size_t in_flight_max)
{
    static const char NAME[] = "dialin_webhooks_total";
    static const char HELP[] = "Requests to the paths of calls or to no known path, by what "
                               "became of them.";
    counts->queued = metrics_counter(metrics, NAME, HELP, "result=\"queued\"");
    counts->spooled = metrics_counter(metrics, NAME, HELP, "result=\"spooled\"");
    counts->verified = metrics_counter(metrics, NAME, HELP, "result=\"verification\"");
    counts->duplicate = metrics_counter(metrics, NAME, HELP, "result=\"duplicate\"");
    intake_refusals_register(counts->refusals, metrics, NAME, HELP);
    *metrics_gauge(metrics, "dialin_webhooks_in_flight_max",
                   "The most that it takes (MAX_IN_FLIGHT).", NULL) = (int64_t)in_flight_max;
    counts->in_flight = metrics_gauge(metrics, "dialin_webhooks_in_flight",
                                      "Webhooks received and not answered yet.", NULL);
    counts->latency = metrics_seconds(metrics, "dialin_acknowledge_seconds",
                                      "From a webhook's first line to its acknowledgement.");
}

void intake_counts_refusal(const struct intake_refusals *rows, const char *code)
{
    for (const struct intake_refusals *refusal = rows; refusal->code; refusal++) {
        if (!strcmp(refusal->code, code)) {
            (*refusal->count)++;
            return;
        }
    }
    assert(false); // a refusal without a counter
}

uint64_t intake_counts_lost(const struct intake_refusals *rows)
{
    static const char *const CODES[] = {"busy",         "queue_unavailable", "body_too_large",
                                        "invalid_json", "missing_fields",    "invalid_field"};
    uint64_t count = 0;
    for (const struct intake_refusals *refusal = rows; refusal->code; refusal++) {
        for (size_t i = 0; i < sizeof CODES / sizeof CODES[0]; i++) {
            count += !strcmp(refusal->code, CODES[i]) ? *refusal->count : 0;
        }
    }
    return count;
}

void intake_counts_signature(struct intake_signatures *signatures, size_t place)
{
    char labels[METRICS_LABEL_BYTES], number[16] = "other";
    size_t slot = place < INTAKE_SECRETS_MAX ? place : INTAKE_SECRETS_MAX;
    if (!signatures->counts[slot]) {
        if (slot == place) {
            snprintf(number, sizeof number, "%zu", place + 1);
        }
        snprintf(labels, sizeof labels, "of=\"%s\",secret=\"%s\"", signatures->of, number);
        signatures->counts[slot] =
            metrics_counter(signatures->metrics, "dialin_signatures_total",
                            "Good signatures of calls (dialin), of calls over SIP trunks (trunk) "
                            "and of Daily's events (events), by the place of their secret in its "
                            "list, from 1.",
                            labels);
    }
    (*signatures->counts[slot])++;
}
