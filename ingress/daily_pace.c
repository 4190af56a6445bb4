// See daily_pace.h. Few events make Redis quick again, so the pace swings about DAILY_PACE_SLOW_US:
// a flood takes what the calls leave of the machine, and no more.
#include "daily_pace.h"

#define PARTS 16 // a new answer is one part of the average

void daily_pace_note(struct daily_pace *pace, uint64_t answer_us)
{
    pace->answer_us = (pace->answer_us * (PARTS - 1) + answer_us) / PARTS;
}

size_t daily_pace_room(struct daily_pace *pace, size_t unanswered, bool has_call, uint64_t now_ms)
{
    if (has_call) {
        pace->call_ms = now_ms;
    }
    const bool calls_come = pace->call_ms > 0 && now_ms - pace->call_ms < DAILY_PACE_CALLS_MS;
    if (!calls_come || unanswered >= DAILY_PACE_CROWD) {
        return DAILY_PACE_ALONE;
    }
    return pace->answer_us > DAILY_PACE_SLOW_US ? DAILY_PACE_SLOW : DAILY_PACE_BESIDE_CALLS;
}
