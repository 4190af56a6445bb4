// See hold.h.
#include "hold.h"

#include "loop.h"

static void translate(struct hold *hold, const struct redis *redis)
{
    hold->read_ms = loop_now_ms();
    hold->rang_ms = (int64_t)(hold->read_ms + hold_rang_in_redis_ms(hold, redis)) -
                    (int64_t)redis_now_ms(redis);
}

void hold_begin(struct hold *hold, const struct redis *redis, uint64_t received_ms,
                uint64_t limit_ms)
{
    hold->received_ms = received_ms;
    hold->limit_ms = limit_ms;
    translate(hold, redis);
}

void hold_refresh(struct hold *hold, const struct redis *redis)
{
    if (redis_clock_was_stale(redis_clock(redis), hold->read_ms)) {
        translate(hold, redis);
    }
}

static int64_t left_ms(const struct hold *hold)
{
    return hold->rang_ms + (int64_t)hold->limit_ms - (int64_t)loop_now_ms();
}

uint64_t hold_left_ms(const struct hold *hold)
{
    int64_t left = left_ms(hold);
    return left > 0 ? (uint64_t)left : 0;
}

uint64_t hold_age_ms(const struct hold *hold)
{
    int64_t age_ms = (int64_t)loop_now_ms() - hold->rang_ms;
    return age_ms > 0 ? (uint64_t)age_ms : 0;
}

uint64_t hold_end_in_redis_ms(const struct hold *hold, const struct redis *redis)
{
    return redis_now_ms(redis) + (uint64_t)left_ms(hold);
}

uint64_t hold_rang_in_redis_ms(const struct hold *hold, const struct redis *redis)
{
    int64_t shift_ms = redis_clock_shift_ms(redis_clock(redis), hold->received_ms, loop_now_ms());
    return hold->received_ms + (uint64_t)shift_ms;
}
