// See wait_histogram.h. Below 2 * WAIT_HISTOGRAM_STEPS each millisecond has a bin of its own;
// above, each doubling has WAIT_HISTOGRAM_STEPS of them.
#include "wait_histogram.h"

#define MS_MAX UINT32_MAX

static unsigned bin_of(uint64_t ms)
{
    unsigned doublings = 0;
    while (ms >> doublings >= 2 * WAIT_HISTOGRAM_STEPS) {
        doublings++;
    }
    return doublings * WAIT_HISTOGRAM_STEPS + (unsigned)(ms >> doublings);
}

// The longest time of a bin.
static uint64_t ms_of(unsigned bin)
{
    unsigned doublings = bin < 2 * WAIT_HISTOGRAM_STEPS ? 0 : bin / WAIT_HISTOGRAM_STEPS - 1;
    uint64_t steps = bin - doublings * WAIT_HISTOGRAM_STEPS;
    return ((steps + 1) << doublings) - 1;
}

void wait_histogram_add(struct wait_histogram *waits, uint64_t ms)
{
    ms = ms < MS_MAX ? ms : MS_MAX;
    waits->bins[bin_of(ms)]++;
    waits->count++;
    waits->max_ms = ms > waits->max_ms ? ms : waits->max_ms;
}

uint64_t wait_histogram_percentile(const struct wait_histogram *waits, unsigned percent)
{
    uint64_t rank = (waits->count * percent + 99) / 100, seen = 0;
    for (unsigned bin = 0; bin < WAIT_HISTOGRAM_BINS && rank > 0; bin++) {
        seen += waits->bins[bin];
        if (seen >= rank) {
            uint64_t ms = ms_of(bin);
            return ms < waits->max_ms ? ms : waits->max_ms;
        }
    }
    return 0;
}
