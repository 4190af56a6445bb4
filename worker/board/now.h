// What is now under one prefix, as JSON and as the gauges dialin_line_*: one question to Redis for
// all viewers.
#ifndef DIALIN_BOARD_NOW_H
#define DIALIN_BOARD_NOW_H

#include "metrics.h"
#include "overview.h"
#include "redis.h"

// Comes for every question, also if Redis is away: see overview.h. The tree becomes the callee's.
typedef void now_on_part(struct overview_part *part, void *arg);

struct now;
// Everything is borrowed until now_close. `metrics` NULL: without gauges.
struct now *now_open(struct redis *redis, const char *prefix, struct metrics *metrics,
                     now_on_part *on_part, void *arg);
void now_close(struct now *now); // after the connection has been closed

// The callback may come from inside this call. A question that is still out is not repeated.
void now_ask(struct now *now);

#endif
