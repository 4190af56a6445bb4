// See overflow.h.
#include "overflow.h"

#include "forecast.h"
#include "memory.h"
#include "outlook.h"
#include "redis_command.h"
#include "route_place.h"

#include <stdlib.h>
#include <string.h>

#define MS_PER_S 1000

struct overflow {
    struct loop_timer *timer;
    struct scripts *scripts;
    struct stream_reader *reader;
    struct lines *lines;
    struct outlook *outlook;
    const char *consumer;
    struct routing *routing;
    bool is_looking, is_again, is_stopped;
};

uint64_t overflow_due_ms(const struct route_step *step, uint64_t rang_ms)
{
    return step->is_by_forecast ? FORECAST_MOVES_MS : rang_ms + step->after_s * MS_PER_S;
}

// Has any route of this worker further agents, and any of these by the forecast?
static bool has_overflow(const struct routing *routing, bool is_by_forecast)
{
    for (size_t i = 0; i < routing->file.count; i++) {
        const struct route_rule *rule = &routing->file.rules[i];
        for (size_t step = 0; step < rule->overflow_count; step++) {
            if (!is_by_forecast || rule->overflow[step].is_by_forecast) {
                return true;
            }
        }
    }
    return false;
}

// {the agent that the call now has, its entry if it came here}
static void on_moved(const redisReply *reply, void *arg)
{
    struct overflow *overflow = arg;
    scripts_look_at(overflow->scripts, reply);
    if (reply_has_shape(reply, "(s.)")) {
        stream_reader_take(overflow->reader, reply->element[1]);
        lines_admit(overflow->lines, reply->element[0]->str);
        overflow_look(overflow); // the next agent may be down as well
    }
}

// `call`: {call_id, route, agent, step}. If this worker's routes know no further step, another
// worker's may.
static void move(struct overflow *overflow, const redisReply *call)
{
    char step[REDIS_NUMBER_BYTES], after_ms[REDIS_NUMBER_BYTES], out_max[REDIS_NUMBER_BYTES];
    struct route_place place;
    unsigned from = (unsigned)strtoul(call->element[3]->str, NULL, 10);
    if (!route_place_find(overflow->routing, reply_view(call->element[1]),
                          reply_view(call->element[2]), from, &place) ||
        !route_place_next_step(&place)) {
        return;
    }
    const char *why = route_place_next_step(&place)->is_by_forecast ? "forecast" : "waited";
    route_place_next(&place);
    const struct route_step *next = route_place_next_step(&place);
    const struct bytes_view argv[] = {
        view_of_text(overflow->consumer),
        reply_view(call->element[0]),
        reply_view(call->element[2]),
        reply_view(call->element[3]),
        view_of_text(place.agent->route.agent),
        redis_number(step, place.step),
        next ? redis_number(after_ms, overflow_due_ms(next, 0)) : VIEW(""),
        redis_number(out_max, place.agent->max_in_flight),
        view_of_text(why),
    };
    scripts_send(overflow->scripts, SCRIPT_MOVE, sizeof argv / sizeof argv[0], argv, on_moved,
                 overflow);
}

static void look(void *arg);

static void on_due(const redisReply *reply, void *arg)
{
    struct overflow *overflow = arg;
    int64_t next_ms = OVERFLOW_LOOK_MS;
    bool is_again = overflow->is_again;
    overflow->is_looking = overflow->is_again = false;
    scripts_look_at(overflow->scripts, reply);
    if (overflow->is_stopped) {
        return;
    }
    if (reply_has_shape(reply, "(i[(ssss)])")) {
        const redisReply *calls = reply->element[1];
        next_ms = reply->element[0]->integer;
        for (size_t i = 0; i < calls->elements; i++) {
            move(overflow, calls->element[i]);
        }
    }
    if (is_again && reply) {
        look(overflow);
    } else {
        bool is_soon = next_ms >= 0 && next_ms < OVERFLOW_LOOK_MS;
        loop_timer_start(overflow->timer, is_soon ? (uint64_t)next_ms + 1 : OVERFLOW_LOOK_MS);
    }
}

static void look(void *arg)
{
    struct overflow *overflow = arg;
    char most[REDIS_NUMBER_BYTES];
    const struct bytes_view argv[] = {redis_number(most, OVERFLOW_COUNT_MAX)};
    if (overflow->is_looking || overflow->is_stopped) {
        overflow->is_again = true;
        return;
    }
    if (has_overflow(overflow->routing, true)) {
        outlook_look(overflow->outlook);
    }
    overflow->is_looking =
        has_overflow(overflow->routing, false) &&
        scripts_send(overflow->scripts, SCRIPT_OVERDUE, 1, argv, on_due, overflow);
    if (!overflow->is_looking) {
        loop_timer_start(overflow->timer, OVERFLOW_LOOK_MS);
    }
}

void overflow_look(struct overflow *overflow)
{
    look(overflow);
}

void overflow_reroute(struct overflow *overflow, struct routing *routing)
{
    routing_keep(routing);
    routing_release(overflow->routing);
    overflow->routing = routing;
}

void overflow_stop(struct overflow *overflow)
{
    overflow->is_stopped = true;
}

struct overflow *overflow_open(struct loop *loop, struct scripts *scripts,
                               struct stream_reader *reader, struct lines *lines,
                               const char *consumer, struct routing *routing)
{
    struct overflow *overflow = memory_zeroed(sizeof *overflow);
    overflow->scripts = scripts;
    overflow->reader = reader;
    overflow->lines = lines;
    overflow->consumer = consumer;
    overflow->routing = routing_keep(routing);
    overflow->outlook = outlook_open(scripts, look, overflow);
    overflow->timer = loop_timer_open(loop, look, overflow);
    loop_timer_start(overflow->timer, OVERFLOW_LOOK_MS);
    return overflow;
}

void overflow_close(struct overflow *overflow)
{
    loop_timer_close(overflow->timer);
    outlook_close(overflow->outlook);
    routing_release(overflow->routing);
    free(overflow);
}
