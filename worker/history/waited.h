// How long callers waited until their bot was started, from the buckets that finish.lua keeps in
// the key `counts`. Of a time span: the difference of two readings. Plain memory, pure.
#ifndef DIALIN_WAITED_H
#define DIALIN_WAITED_H

#include "redis_reply.h"
#include "waited_bounds.h"

#define WAITED_BUCKETS 15 // those of WAITED_BOUNDS_S, and one for longer times

struct waited {
    uint64_t buckets[WAITED_BUCKETS]; // each time is in one of them
    uint64_t count;
    uint64_t sum_ms;
};

// `counts` is names and values in turn; NULL: nothing was counted.
void waited_read(struct waited *waited, const redisReply *counts);

// Takes away what an earlier reading had. Counts that went back (the key was lost) become 0.
void waited_since(struct waited *waited, const struct waited *earlier);

// The time within which so many per cent were served, interpolated in its bucket; 0 if nobody was.
// Times above the largest bound count as that bound.
uint64_t waited_percentile_ms(const struct waited *waited, unsigned percent);

// How many were served within a bound, in seconds.
uint64_t waited_within(const struct waited *waited, double bound_s);

#endif
