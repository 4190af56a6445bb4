// How long a caller is on hold yet, by this worker's monotonic clock. A webhook's time is Redis'
// time, and Redis' clock may step: it is translated once, when the call comes to this worker, and
// again if Redis' time proves to have been wrong at that moment.
#ifndef DIALIN_HOLD_H
#define DIALIN_HOLD_H

#include "redis.h"

#include <stdint.h>

struct hold {
    uint64_t received_ms; // Redis' time, when the call rang
    uint64_t limit_ms;
    uint64_t read_ms; // loop_now_ms, when these two were translated
    int64_t rang_ms;  // as loop_now_ms; below 0 if the machine was started later
};

void hold_begin(struct hold *hold, const struct redis *redis, uint64_t received_ms,
                uint64_t limit_ms);
void hold_refresh(struct hold *hold, const struct redis *redis);

uint64_t hold_left_ms(const struct hold *hold); // 0: it is over
uint64_t hold_age_ms(const struct hold *hold);  // since it rang

// In Redis' time as it is now, for the scripts.
uint64_t hold_end_in_redis_ms(const struct hold *hold, const struct redis *redis);
uint64_t hold_rang_in_redis_ms(const struct hold *hold, const struct redis *redis);

#endif
