// Moves waiting calls on to the next agent of their route, when they have waited long enough or
// their agent is down, or because the forecast says that they would be lost
// (worker/line/outlook.h). Redis names the calls (worker/line/overdue.lua); the routes of this
// worker say where each goes; one script moves it (worker/line/move.lua).
#ifndef DIALIN_OVERFLOW_H
#define DIALIN_OVERFLOW_H

#include "line.h"
#include "routing.h"

#define OVERFLOW_LOOK_MS 1000
#define OVERFLOW_COUNT_MAX 100 // calls moved in one step

struct overflow;

// When a call that rang at `rang_ms` moves on to `step`: FORECAST_MOVES_MS if the forecast decides.
uint64_t overflow_due_ms(const struct route_step *step, uint64_t rang_ms);

// Everything is borrowed for the life of the overflow, but it is one of the owners of `routing`.
struct overflow *overflow_open(struct loop *loop, struct scripts *scripts,
                               struct stream_reader *reader, struct lines *lines,
                               const char *consumer, struct routing *routing);

void overflow_reroute(struct overflow *overflow, struct routing *routing);
void overflow_look(struct overflow *overflow);  // at once: a call may be due
void overflow_stop(struct overflow *overflow);  // moves nobody any more
void overflow_close(struct overflow *overflow); // after the connection: no callback comes any more

#endif
