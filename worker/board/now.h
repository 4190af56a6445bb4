// What is now, as JSON and as the gauges dialin_line_*: one question to Redis for all viewers.
#ifndef DIALIN_BOARD_NOW_H
#define DIALIN_BOARD_NOW_H

#include "metrics.h"
#include "points.h"
#include "redis.h"

// Comes for every question, also if Redis is away: then the JSON has `redis_problem`, and `point`
// is NULL. Both are borrowed for the callback.
typedef void now_on_text(struct bytes_view json, const struct point *point, void *arg);

struct now;
// Everything is borrowed until now_close.
struct now *now_open(struct redis *redis, const char *prefix, struct metrics *metrics,
                     now_on_text *on_text, void *arg);
void now_close(struct now *now); // after the connection has been closed

// The callback may come from inside this call. A question that is still out is not repeated.
void now_ask(struct now *now);

#endif
