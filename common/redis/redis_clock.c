// See redis_clock.h.
#include "redis_clock.h"

#include "log.h"
#include "loop.h"
#include "redis_reply.h"

#include <stdlib.h>
#include <string.h>

#define US_PER_S 1000000
#define SECONDS_MAX 1000000000000 // far beyond any clock, and no overflow in milliseconds

// Also at run time: the host's clock may step while Redis' goes on.
static void report_skew(struct redis_clock *clock, int64_t skew_ms)
{
    if (llabs(skew_ms - clock->skew_ms) <= REDIS_CLOCK_SKEW_MS) {
        return;
    }
    clock->skew_ms = skew_ms;
    if (llabs(skew_ms) > REDIS_CLOCK_SKEW_MS) {
        log_warning("the clocks of this host and of Redis differ: have both kept by NTP; until "
                    "then signatures count as fresh by either",
                    log_number("skew_ms", skew_ms));
    } else {
        log_info("the clocks of this host and of Redis agree again",
                 log_number("skew_ms", skew_ms));
    }
}

static void remember_step(struct redis_clock *clock, int64_t offset_ms, uint64_t now_ms)
{
    memmove(clock->steps + 1, clock->steps, (REDIS_CLOCK_STEPS_MAX - 1) * sizeof *clock->steps);
    clock->steps[0] = (struct redis_clock_step){clock->offset_ms, clock->confirmed_ms, now_ms};
    clock->step_count += clock->step_count < REDIS_CLOCK_STEPS_MAX;
    if (!clock->is_quiet) {
        log_error("Redis' clock stepped: the holds of calls may be off by as much; have its "
                  "host's clock kept by NTP, which slews it",
                  log_number("step_ms", offset_ms - clock->offset_ms));
    }
}

static void take_offset(struct redis_clock *clock, int64_t redis_ms, uint64_t now_ms)
{
    int64_t least_ms = redis_ms - (int64_t)now_ms, most_ms = redis_ms - (int64_t)clock->asked_ms;
    int64_t middle_ms = least_ms + (most_ms - least_ms) / 2;
    int64_t most_off_ms = REDIS_CLOCK_SKEW_MS + clock->doubt_ms;
    bool has_stepped =
        clock->offset_ms < least_ms - most_off_ms || clock->offset_ms > most_ms + most_off_ms;
    if (!clock->is_known || has_stepped) {
        if (clock->is_known) {
            remember_step(clock, middle_ms, now_ms);
        }
        clock->offset_ms = middle_ms;
        clock->doubt_ms = most_ms - least_ms;
    } else if (clock->offset_ms < least_ms) {
        clock->offset_ms = least_ms;
    } else if (clock->offset_ms > most_ms) {
        clock->offset_ms = most_ms;
    }
    if (clock->doubt_ms > most_ms - least_ms) {
        clock->doubt_ms = most_ms - least_ms;
    }
    clock->is_known = true;
    clock->confirmed_ms = clock->asked_ms;
}

bool redis_clock_is_due(const struct redis_clock *clock, uint64_t now_ms)
{
    return !clock->is_asked && (clock->doubt_ms > REDIS_CLOCK_DOUBT_MS ||
                                now_ms - clock->asked_ms >= REDIS_CLOCK_EVERY_MS);
}

void redis_clock_ask(struct redis_clock *clock, uint64_t now_ms)
{
    clock->asked_ms = now_ms;
    clock->is_asked = true;
}

void redis_clock_take(struct redis_clock *clock, const redisReply *reply, uint64_t now_ms)
{
    const uint64_t redis_s = view_number(reply_view_at(reply, 0));
    const uint64_t redis_us = view_number(reply_view_at(reply, 1));
    clock->is_asked = false;
    if (redis_s == 0 || redis_s > SECONDS_MAX || redis_us >= US_PER_S) {
        return;
    }
    int64_t redis_ms = (int64_t)(redis_s * 1000 + redis_us / 1000);
    take_offset(clock, redis_ms, now_ms);
    if (!clock->is_quiet) {
        report_skew(clock, (int64_t)now_ms + clock->offset_ms - (int64_t)loop_wall_ms());
    }
}

uint64_t redis_clock_now_ms(const struct redis_clock *clock)
{
    return clock->is_known ? loop_now_ms() + (uint64_t)clock->offset_ms : loop_wall_ms();
}

// Is a reading of a stamp, as a moment of the monotonic clock, better than the best so far? Only if
// it lies in the time in which that offset was in use, and not in the future.
struct reading {
    int64_t from_ms, until_ms;
    int64_t offset_ms;
};

static bool fits(const struct reading *reading, int64_t stamp_ms, int64_t *moment_ms)
{
    *moment_ms = stamp_ms - reading->offset_ms;
    return *moment_ms >= reading->from_ms - REDIS_CLOCK_SKEW_MS &&
           *moment_ms <= reading->until_ms + REDIS_CLOCK_SKEW_MS;
}

int64_t redis_clock_shift_ms(const struct redis_clock *clock, uint64_t stamp_ms, uint64_t now_ms)
{
    int64_t latest_ms = INT64_MIN, shift_ms = 0;
    const struct redis_clock_step *steps = clock->steps;
    for (unsigned i = 0; i <= clock->step_count; i++) { // the offset in use now, then older ones
        int64_t moment_ms;
        int64_t stale_until_ms = i > 0 ? (int64_t)steps[i - 1].found_ms + REDIS_CLOCK_STALE_MS : 0;
        bool is_old = i > 0 && stale_until_ms < (int64_t)now_ms;
        const struct reading reading = {
            .from_ms = i < clock->step_count ? (int64_t)steps[i].confirmed_ms : INT64_MIN / 2,
            .until_ms = is_old ? stale_until_ms : (int64_t)now_ms,
            .offset_ms = i > 0 ? steps[i - 1].offset_ms : clock->offset_ms,
        };
        if (fits(&reading, (int64_t)stamp_ms, &moment_ms) && moment_ms > latest_ms) {
            latest_ms = moment_ms;
            shift_ms = clock->offset_ms - reading.offset_ms;
        }
    }
    return shift_ms;
}

bool redis_clock_was_stale(const struct redis_clock *clock, uint64_t moment_ms)
{
    for (unsigned i = 0; i < clock->step_count; i++) {
        if (moment_ms >= clock->steps[i].confirmed_ms && moment_ms < clock->steps[i].found_ms) {
            return true;
        }
    }
    return false;
}
