// See erlang.h. If more calls come than sessions can serve (k < 0), e^(−kτ) may be larger than a
// double holds: then all is divided by it.
#include "erlang.h"

#include <math.h>
#include <stdbool.h>

#define BALANCED 1e-9 // |k| below it counts as 0

// The share of calls that find all of `count` sessions taken, if none waits.
static double erlang_b(unsigned count, double load)
{
    double blocked = 1;
    for (unsigned i = 1; i <= count; i++) {
        blocked = load * blocked / (i + load * blocked);
    }
    return blocked;
}

// (1 − e^(−kx))/k, times e^(kτ) if k < 0.
static double integral(double k, double x, double hold_s)
{
    if (fabs(k) < BALANCED) {
        return x;
    }
    return k > 0 ? (1 - exp(-k * x)) / k : (exp(k * hold_s) - exp(k * (hold_s - x))) / k;
}

struct erlang_service erlang_service(const struct erlang_load *load, unsigned sessions)
{
    double rate = load->calls_per_s, served_per_s = sessions / load->handle_s;
    double k = served_per_s - rate, hold_s = load->hold_s;
    if (sessions == 0) {
        return (struct erlang_service){.lost = rate > 0};
    }
    bool is_overloaded = k <= -BALANCED;
    double scale = is_overloaded ? exp(k * hold_s) : 1;
    double left = is_overloaded ? 1 : exp(-k * hold_s); // e^(−kτ), scaled
    double v0 = rate * erlang_b(sessions - 1, rate * load->handle_s);
    double lost = v0 * left / served_per_s;
    double norm = scale + v0 * integral(k, hold_s, hold_s) + lost;
    return (struct erlang_service){
        .lost = lost / norm,
        .answered = (scale + v0 * integral(k, load->answered_in_s, hold_s)) / norm,
    };
}

unsigned erlang_sessions(const struct erlang_load *load, double lost_max, double answered_min)
{
    unsigned low = 0, high = 1; // too few, enough
    struct erlang_service service = erlang_service(load, high);
    while ((service.lost > lost_max || service.answered < answered_min) &&
           high < ERLANG_SESSIONS_MAX) {
        low = high;
        high = high * 2 < ERLANG_SESSIONS_MAX ? high * 2 : ERLANG_SESSIONS_MAX;
        service = erlang_service(load, high);
    }
    while (high - low > 1) {
        unsigned middle = low + (high - low) / 2;
        service = erlang_service(load, middle);
        bool is_enough = service.lost <= lost_max && service.answered >= answered_min;
        *(is_enough ? &high : &low) = middle;
    }
    return high;
}
