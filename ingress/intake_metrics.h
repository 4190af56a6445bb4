// The ingress' counters of webhooks.
#ifndef DIALIN_INTAKE_METRICS_H
#define DIALIN_INTAKE_METRICS_H

#include "metrics.h"

#include <stddef.h>
#include <stdint.h>

#define INTAKE_REFUSAL_CODES_MAX 16

#define INTAKE_SECRETS_MAX 32 // with a counter of their own; the others are `other`

struct intake_refusals {
    const char *code;
    uint64_t *count;
};

// The good signatures at one door, by the place of their secret in its list.
struct intake_signatures {
    struct metrics *metrics;
    const char *of;                           // the label that names the list; a constant
    uint64_t *counts[INTAKE_SECRETS_MAX + 1]; // the last: of all further places; NULL: none yet
};

// The pointers live as long as the metrics they were registered with.
struct intake_metrics {
    uint64_t *queued, *spooled, *verified, *duplicate;
    int64_t *in_flight;
    struct metrics_histogram *latency;
    struct intake_refusals refusals[INTAKE_REFUSAL_CODES_MAX]; // the last has no code
};

void intake_counts_register(struct intake_metrics *counts, struct metrics *metrics,
                            size_t in_flight_max);
// A good signature, made with the secret at this place (from 0) of the list.
void intake_counts_signature(struct intake_signatures *signatures, size_t place);

// A counter of each code of a refusal, under this name; the last row stays empty.
void intake_refusals_register(struct intake_refusals rows[INTAKE_REFUSAL_CODES_MAX],
                              struct metrics *metrics, const char *name, const char *help);
void intake_counts_refusal(const struct intake_refusals *rows, const char *code);

// Refusals that are lost callers: those that the alert DialinWebhooksRefused counts.
uint64_t intake_counts_lost(const struct intake_refusals *rows);

#endif
