// See forecast.h. Whole numbers only: the n-th turn comes after n * span / starts.
#include "forecast.h"

#define STARTS_MAX (UINT64_C(1) << 24) // so that no product overflows
#define MS_MAX (UINT64_C(1) << 36)     // two years
#define TURNS_MAX (UINT64_C(1) << 24)

static uint64_t at_most(uint64_t value, uint64_t max)
{
    return value < max ? value : max;
}

void forecast_begin(struct forecast *forecast, uint64_t starts, uint64_t span_ms)
{
    *forecast = (struct forecast){
        .starts = at_most(starts, STARTS_MAX),
        .span_ms = at_most(span_ms > 0 ? span_ms : 1, MS_MAX),
        .least_left_ms = UINT64_MAX,
    };
}

enum forecast_verdict forecast_next(struct forecast *forecast, uint64_t hold_left_ms,
                                    uint64_t *in_ms)
{
    if (hold_left_ms > forecast->hold_left_ms) {
        forecast->hold_left_ms = hold_left_ms;
    }
    forecast->least_left_ms = at_most(hold_left_ms, forecast->least_left_ms);
    if (forecast->starts == 0) {
        return FORECAST_UNKNOWN;
    }
    uint64_t turn = at_most(forecast->served + 1, TURNS_MAX);
    uint64_t turn_ms = turn * forecast->span_ms / forecast->starts;
    if (turn_ms > hold_left_ms) {
        forecast->lost++;
        return FORECAST_LOST;
    }
    forecast->served++;
    *in_ms = turn_ms;
    return FORECAST_SERVED;
}

size_t forecast_deep(struct forecast *forecast, const struct forecast_caller *callers, size_t count,
                     uint64_t score, uint64_t now_ms, size_t max)
{
    size_t walked = 0;
    uint64_t in_ms = 0;
    for (size_t i = 0; i < count && walked < max; i++) {
        if (callers[i].score > score && callers[i].hold_end_ms > now_ms) {
            forecast_next(forecast, callers[i].hold_end_ms - now_ms, &in_ms);
            walked++;
        }
    }
    return walked;
}

uint64_t forecast_rest(const struct forecast *forecast, uint64_t count, uint64_t hold_left_ms)
{
    uint64_t longest_ms =
        hold_left_ms > forecast->hold_left_ms ? hold_left_ms : forecast->hold_left_ms;
    if (forecast->starts == 0) {
        return 0;
    }
    uint64_t turns = at_most(longest_ms, MS_MAX) * forecast->starts / forecast->span_ms;
    uint64_t servable = turns > forecast->served ? turns - forecast->served : 0;
    return count > servable ? count - servable : 0;
}

bool forecast_moves_on(struct forecast *forecast, uint64_t hold_left_ms, uint64_t hold_ms)
{
    uint64_t in_ms = 0;
    enum forecast_verdict verdict = forecast_next(forecast, hold_left_ms, &in_ms);
    return verdict == FORECAST_LOST ||
           (verdict == FORECAST_UNKNOWN && hold_left_ms < at_most(hold_ms / 2, FORECAST_SPAN_MS));
}
