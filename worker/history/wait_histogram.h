// How long callers waited: percentiles in bounded memory, whatever their number. A time is kept to
// within 1/64 of itself, and to the millisecond below 128 ms. Plain memory, pure.
#ifndef DIALIN_AUDIT_WAITS_H
#define DIALIN_AUDIT_WAITS_H

#include <stdint.h>

#define WAITS_STEPS 64 // for each doubling
#define WAITS_BINS (32 * WAITS_STEPS)

struct waits {
    uint64_t bins[WAITS_BINS];
    uint64_t count;
    uint64_t max_ms;
};

void waits_add(struct waits *waits, uint64_t ms);

// The time within which so many per cent were served (nearest rank); 0 if there are none.
uint64_t waits_percentile(const struct waits *waits, unsigned percent);

#endif
