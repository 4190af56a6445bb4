// See overflow.h.
#include "overflow.h"

#include "memory.h"
#include "redis_command.h"
#include "route_place.h"

#include <stdlib.h>
#include <string.h>

struct overflow {
    struct loop_timer *timer;
    struct scripts *scripts;
    struct stream_reader *reader;
    struct lines *lines;
    const char *consumer;
    struct routing *routing;
    bool is_looking, is_again, is_stopped;
};

static bool has_overflow(const struct routing *routing)
{
    for (size_t i = 0; i < routing->file.count; i++) {
        if (routing->file.rules[i].overflow_count > 0) {
            return true;
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
    uint64_t after_s = 0;
    unsigned from = (unsigned)strtoul(call->element[3]->str, NULL, 10);
    if (!route_place_find(overflow->routing, reply_view(call->element[1]),
                          reply_view(call->element[2]), from, &place) ||
        !route_place_next(&place)) {
        return;
    }
    bool has_next = route_place_next_after(&place, &after_s);
    const struct bytes_view argv[] = {
        view_of_text(overflow->consumer),
        reply_view(call->element[0]),
        reply_view(call->element[2]),
        reply_view(call->element[3]),
        view_of_text(place.agent->route.agent),
        redis_number(step, place.step),
        has_next ? redis_number(after_ms, after_s * 1000) : VIEW(""),
        redis_number(out_max, place.agent->max_in_flight),
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
    overflow->is_looking =
        has_overflow(overflow->routing) &&
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
    overflow->timer = loop_timer_open(loop, look, overflow);
    loop_timer_start(overflow->timer, OVERFLOW_LOOK_MS);
    return overflow;
}

void overflow_close(struct overflow *overflow)
{
    loop_timer_close(overflow->timer);
    routing_release(overflow->routing);
    free(overflow);
}
