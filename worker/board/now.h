// What is now, as JSON: one question to Redis for all viewers.
#ifndef DIALIN_BOARD_NOW_H
#define DIALIN_BOARD_NOW_H

#include "redis.h"

// `json` is borrowed for the callback. It comes for every question, also if Redis is away: then it
// says so.
typedef void now_on_text(struct bytes_view json, void *arg);

struct now;
struct now *now_open(struct redis *redis, const char *prefix, now_on_text *on_text, void *arg);
void now_close(struct now *now); // after the connection has been closed

// The callback may come from inside this call. A question that is still out is not repeated.
void now_ask(struct now *now);

#endif
