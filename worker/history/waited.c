// See waited.h.
#include "waited.h"

#include <assert.h>
#include <stdio.h>

static const double BOUNDS_S[] = {WAITED_BOUNDS_S};
#define BOUNDS (sizeof BOUNDS_S / sizeof BOUNDS_S[0])
static_assert(BOUNDS + 1 == WAITED_BUCKETS, "a bucket for each bound, and one for longer times");

#define NAME_BYTES 32
#define MS_PER_S 1000

void waited_read(struct waited *waited, const redisReply *counts)
{
    *waited = (struct waited){.sum_ms = view_number(reply_field(counts, "waited_ms"))};
    for (size_t i = 0; i < WAITED_BUCKETS; i++) {
        char name[NAME_BYTES] = "waited:more";
        if (i < BOUNDS) {
            snprintf(name, sizeof name, "waited:%g", BOUNDS_S[i]);
        }
        waited->buckets[i] = view_number(reply_field(counts, name));
        waited->count += waited->buckets[i];
    }
}

static uint64_t difference(uint64_t now, uint64_t earlier)
{
    return now > earlier ? now - earlier : 0;
}

void waited_since(struct waited *waited, const struct waited *earlier)
{
    waited->sum_ms = difference(waited->sum_ms, earlier->sum_ms);
    waited->count = 0;
    for (size_t i = 0; i < WAITED_BUCKETS; i++) {
        waited->buckets[i] = difference(waited->buckets[i], earlier->buckets[i]);
        waited->count += waited->buckets[i];
    }
}

uint64_t waited_percentile_ms(const struct waited *waited, unsigned percent)
{
    double rank = (double)waited->count * percent / 100, below = 0;
    for (size_t i = 0; i < BOUNDS && waited->count > 0; i++) {
        double inside = (double)waited->buckets[i];
        if (inside > 0 && below + inside >= rank) {
            double from_s = i > 0 ? BOUNDS_S[i - 1] : 0;
            double share = rank > below ? (rank - below) / inside : 0;
            return (uint64_t)((from_s + (BOUNDS_S[i] - from_s) * share) * MS_PER_S);
        }
        below += inside;
    }
    return waited->count > 0 ? (uint64_t)(BOUNDS_S[BOUNDS - 1] * MS_PER_S) : 0;
}

uint64_t waited_within(const struct waited *waited, double bound_s)
{
    uint64_t count = 0;
    for (size_t i = 0; i < BOUNDS && BOUNDS_S[i] <= bound_s; i++) {
        count += waited->buckets[i];
    }
    return count;
}
