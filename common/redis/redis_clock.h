// Redis' time, by an offset to the monotonic clock: taken from an answer to TIME, halfway between
// question and answer. Pure but for the log: jumps of Redis' clock, and this host's skew, are said.
#ifndef DIALIN_REDIS_CLOCK_H
#define DIALIN_REDIS_CLOCK_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stdint.h>

#define REDIS_CLOCK_EVERY_MS 10000
#define REDIS_CLOCK_SKEW_MS 1000 // more is worth a warning

// Plain memory; zeroed is right to begin with.
struct redis_clock {
    uint64_t asked_ms; // loop_now_ms of the last TIME
    int64_t offset_ms; // Redis' time less the monotonic clock's
    int64_t skew_ms;   // as it was last reported: Redis' time less this host's
    bool is_known;
    bool is_quiet; // jumps and skew are not logged
};

void redis_clock_take(struct redis_clock *clock, const redisReply *reply);

// Before the first answer it is the host's wall clock.
uint64_t redis_clock_now_ms(const struct redis_clock *clock);

#endif
