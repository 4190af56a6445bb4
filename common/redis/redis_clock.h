// Redis' time, by an offset to the monotonic clock, taken from an answer to TIME. The offset at the
// moment of that answer lies between two bounds, by when it was asked and when it came; so a slow
// answer proves no step of Redis' clock. Pure but for the log: steps of Redis' clock, and this
// host's skew, are logged.
//
// Other processes notice a step a little earlier or later. So for some time a stamp may be one of
// Redis' clock before the step or of the one after it, and redis_clock_shift_ms decides.
#ifndef DIALIN_REDIS_CLOCK_H
#define DIALIN_REDIS_CLOCK_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stdint.h>

#define REDIS_CLOCK_EVERY_MS 1000
#define REDIS_CLOCK_DOUBT_MS 100   // more, and TIME is asked again at once
#define REDIS_CLOCK_SKEW_MS 1000   // more is a step, or worth a warning
#define REDIS_CLOCK_STALE_MS 10000 // after a step is found here, others may not know it for so long
#define REDIS_CLOCK_STEPS_MAX 4    // that are remembered

struct redis_clock_step {
    int64_t offset_ms;               // before it
    uint64_t confirmed_ms, found_ms; // loop_now_ms: it happened between these
};

// Plain memory; zeroed is right to begin with.
struct redis_clock {
    uint64_t asked_ms;     // loop_now_ms of the last TIME
    bool is_asked;         // and its answer has not come yet
    uint64_t asked_us;     // loop_now_us
    uint64_t ping_us;      // how long the last answer took; 0: none came yet
    int64_t offset_ms;     // Redis' time less the monotonic clock's
    int64_t doubt_ms;      // by which the offset may be wrong: the answer to TIME was slow
    uint64_t confirmed_ms; // loop_now_ms: up to then the offset is known to be right
    int64_t skew_ms;       // as it was last reported: Redis' time less this host's
    bool is_known;
    bool is_quiet; // steps and skew are not logged
    unsigned step_count;
    struct redis_clock_step steps[REDIS_CLOCK_STEPS_MAX]; // the newest first
};

// TIME is sent now; nothing more may be asked before its answer.
void redis_clock_ask(struct redis_clock *clock, uint64_t now_ms);

// Is TIME to be asked?
bool redis_clock_is_due(const struct redis_clock *clock, uint64_t now_ms);

// The answer; NULL: it is lost. `now_ms`: loop_now_ms.
void redis_clock_take(struct redis_clock *clock, const redisReply *reply, uint64_t now_ms);

// Before the first answer it is the host's wall clock.
uint64_t redis_clock_now_ms(const struct redis_clock *clock);

// What must be added to a stamp of the past, in Redis' time, to compare it with Redis' time now: 0,
// unless Redis' clock stepped after it. If it may be from before or after a step, the younger
// reading counts: a hold is then too long by the step, but no caller is given up too early.
int64_t redis_clock_shift_ms(const struct redis_clock *clock, uint64_t stamp_ms, uint64_t now_ms);

// Was Redis' time unknowingly wrong at this moment of the monotonic clock? A step happened before
// it, perhaps, and was found after it.
bool redis_clock_was_stale(const struct redis_clock *clock, uint64_t moment_ms);

#endif
