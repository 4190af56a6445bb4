// How many of Daily's events may be in Redis at a time: a call that comes waits for those that are
// there, and for the processor that they take. Pure.
#ifndef DIALIN_DAILY_PACE_H
#define DIALIN_DAILY_PACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DAILY_PACE_ALONE 64        // while no calls come
#define DAILY_PACE_BESIDE_CALLS 16 // while calls come
#define DAILY_PACE_SLOW 8          // while calls come and Redis is slow: then they wait for each
#define DAILY_PACE_SLOW_US 1000    // it is, if it takes longer over an event, on average
#define DAILY_PACE_CROWD 512       // so many wait: they are not held back, or some will be refused
#define DAILY_PACE_CALLS_MS 100    // calls come for so long after the last one was seen

// Plain memory; zero at first.
struct daily_pace {
    uint64_t call_ms;   // when a call was in flight last; 0: never
    uint64_t answer_us; // how long Redis takes over an event: the average of the last few
};

// Redis has taken an event, `answer_us` after it was sent.
void daily_pace_note(struct daily_pace *pace, uint64_t answer_us);

// How many may be there now, of `unanswered` ones. `has_call`: a call is in flight.
size_t daily_pace_room(struct daily_pace *pace, size_t unanswered, bool has_call, uint64_t now_ms);

#endif
