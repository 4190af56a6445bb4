// Who of a wait queue will be served in time, at the rate at which its agent starts calls. Pure.
//
// The walk goes through the queue in its order. A caller whose hold ends before the turn comes
// leaves, and the others move up.
#ifndef DIALIN_FORECAST_H
#define DIALIN_FORECAST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// finish.lua counts an agent's starts in slots of FORECAST_SLOT_MS; the rate is that of the current
// slot and the FORECAST_SLOTS - 1 before it.
#define FORECAST_SLOT_MS 5000
#define FORECAST_SLOTS 6
#define FORECAST_SPAN_MS (FORECAST_SLOTS * FORECAST_SLOT_MS)

// How many callers of a queue are walked through: each second, and every FORECAST_DEEP_EVERY_MS.
#define FORECAST_WALK_MAX 64
#define FORECAST_DEEP_WALK_MAX 1000
#define FORECAST_DEEP_EVERY_MS 10000

// When a call moves on that leaves its line because of the forecast: as a time, after all others.
#define FORECAST_MOVES_MS 8000000000000000

enum forecast_verdict {
    FORECAST_UNKNOWN, // the agent has started nobody of late: there is no rate
    FORECAST_SERVED,
    FORECAST_LOST,
};

// Plain memory.
struct forecast {
    uint64_t starts, span_ms; // the rate: so many starts in so long
    uint64_t served, lost;    // of those walked through
    uint64_t hold_left_ms;    // the longest of those walked through
    uint64_t least_left_ms;   // and the shortest; UINT64_MAX: nobody was
};

// `starts` of the last `span_ms` (0 counts as 1).
void forecast_begin(struct forecast *forecast, uint64_t starts, uint64_t span_ms);

// The next caller of the queue. `in_ms` is written if the caller will be served: in about so long.
enum forecast_verdict forecast_next(struct forecast *forecast, uint64_t hold_left_ms,
                                    uint64_t *in_ms);

// A caller whom a deep walk found: its place in the queue is by `score`.
struct forecast_caller {
    uint64_t score, hold_end_ms;
};

// Walks on through the `count` callers that a deep walk found some seconds ago, in the order of
// their scores: those beyond `score`, at most `max` of them. A hold that has ended at `now_ms` is
// of a caller who has left meanwhile. Returns how many were walked through.
size_t forecast_deep(struct forecast *forecast, const struct forecast_caller *callers, size_t count,
                     uint64_t score, uint64_t now_ms, size_t max);

// How many of the `count` callers after those walked through will be lost, if none of them can
// hold longer than `hold_left_ms`, or than the longest walked through. 0 if there is no rate.
uint64_t forecast_rest(const struct forecast *forecast, uint64_t count, uint64_t hold_left_ms);

// The next caller of the queue, whose whole hold is `hold_ms`: is it to move on because it would be
// lost? Without a rate this is not known; it then moves on when no more of its hold is left than
// FORECAST_SPAN_MS, the time in which nobody was started, and no more than half of it.
bool forecast_moves_on(struct forecast *forecast, uint64_t hold_left_ms, uint64_t hold_ms);

#endif
