// See redis_clock.h.
#include "redis_clock.h"

#include "log.h"
#include "loop.h"
#include "redis_reply.h"

#include <stdlib.h>

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

void redis_clock_take(struct redis_clock *clock, const redisReply *reply)
{
    const uint64_t redis_s = view_number(reply_view_at(reply, 0));
    const uint64_t redis_us = view_number(reply_view_at(reply, 1));
    if (redis_s == 0 || redis_s > SECONDS_MAX || redis_us >= US_PER_S) {
        return;
    }
    int64_t redis_ms = (int64_t)(redis_s * 1000 + redis_us / 1000);
    int64_t offset_ms = redis_ms - (int64_t)((clock->asked_ms + loop_now_ms()) / 2);
    int64_t jump_ms = offset_ms - clock->offset_ms;
    bool has_jumped = clock->is_known && llabs(jump_ms) > REDIS_CLOCK_SKEW_MS;
    if (has_jumped && !clock->is_quiet) {
        log_error("Redis' clock stepped: the holds of calls in work are off by as much; have its "
                  "host's clock kept by NTP, which slews it",
                  log_number("jump_ms", jump_ms));
    }
    if (!clock->is_quiet) {
        report_skew(clock, redis_ms - (int64_t)loop_wall_ms());
    }
    clock->offset_ms = offset_ms;
    clock->is_known = true;
}

uint64_t redis_clock_now_ms(const struct redis_clock *clock)
{
    return clock->is_known ? loop_now_ms() + (uint64_t)clock->offset_ms : loop_wall_ms();
}
