// How long callers waited: percentiles in bounded memory, whatever their number. A time is kept to
// within 1/64 of itself, and to the millisecond below 128 ms. Plain memory, pure.
#ifndef DIALIN_AUDIT_WAITS_H
#define DIALIN_AUDIT_WAITS_H

#include <stdint.h>

#define WAIT_HISTOGRAM_STEPS 64 // for each doubling
#define WAIT_HISTOGRAM_BINS (32 * WAIT_HISTOGRAM_STEPS)

struct wait_histogram {
    uint64_t bins[WAIT_HISTOGRAM_BINS];
    uint64_t count;
    uint64_t max_ms;
};

void wait_histogram_add(struct wait_histogram *waits, uint64_t ms);

// The time within which so many per cent were served (nearest rank); 0 if there are none.
uint64_t wait_histogram_percentile(const struct wait_histogram *waits, unsigned percent);

#endif
