// See outlook.h.
#include "outlook.h"

#include "forecast.h"
#include "loop.h"
#include "memory.h"
#include "redis_command.h"

#include <stdlib.h>

// {starts, in how many ms, {call_id or an empty text, ms left, ms of the whole hold} of each call}
#define LINES_SHAPE "[(nn[(snn)])]"

struct outlook {
    struct scripts *scripts;
    outlook_on_due *on_due;
    void *arg;
    uint64_t looked_ms, looked_deep_ms; // 0: never
    bool is_looking;
};

// The calls of a reply that are lost. Borrowed from the reply.
struct lost_calls {
    struct bytes_view list[OUTLOOK_DUE_MAX];
    size_t count;
};

static void judge(const redisReply *line, struct lost_calls *lost)
{
    struct forecast forecast;
    const redisReply *calls = line->element[2];
    forecast_begin(&forecast, (uint64_t)line->element[0]->integer,
                   (uint64_t)line->element[1]->integer);
    for (size_t i = 0; i < calls->elements && lost->count < OUTLOOK_DUE_MAX; i++) {
        const redisReply *call = calls->element[i];
        struct bytes_view call_id = reply_view(call->element[0]);
        if (forecast_moves_on(&forecast, (uint64_t)call->element[1]->integer,
                              (uint64_t)call->element[2]->integer) &&
            call_id.len > 0) {
            lost->list[lost->count++] = call_id;
        }
    }
}

static void on_made_due(const redisReply *reply, void *arg)
{
    struct outlook *outlook = arg;
    scripts_look_at(outlook->scripts, reply);
    if (reply_has_shape(reply, "n")) {
        outlook->on_due(outlook->arg);
    }
}

static void on_lines(const redisReply *reply, void *arg)
{
    struct outlook *outlook = arg;
    struct lost_calls lost = {.count = 0};
    outlook->is_looking = false;
    scripts_look_at(outlook->scripts, reply);
    if (!reply_has_shape(reply, LINES_SHAPE)) {
        return;
    }
    for (size_t i = 0; i < reply->elements; i++) {
        judge(reply->element[i], &lost);
    }
    for (size_t i = 0; i < lost.count; i += SCRIPT_ARGUMENTS_MAX) {
        size_t left = lost.count - i;
        scripts_send(outlook->scripts, SCRIPT_DUE,
                     left < SCRIPT_ARGUMENTS_MAX ? left : SCRIPT_ARGUMENTS_MAX, lost.list + i,
                     on_made_due, outlook);
    }
}

void outlook_look(struct outlook *outlook)
{
    char walk[REDIS_NUMBER_BYTES];
    uint64_t now_ms = loop_now_ms();
    if (outlook->is_looking ||
        (outlook->looked_ms && now_ms - outlook->looked_ms < OUTLOOK_LOOK_MS)) {
        return;
    }
    bool is_deep = now_ms - outlook->looked_deep_ms >= FORECAST_DEEP_EVERY_MS;
    const struct bytes_view argv[] = {
        redis_number(walk, is_deep ? FORECAST_DEEP_WALK_MAX : FORECAST_WALK_MAX)};
    outlook->is_looking =
        scripts_send(outlook->scripts, SCRIPT_OUTLOOK, 1, argv, on_lines, outlook);
    if (outlook->is_looking) {
        outlook->looked_ms = now_ms;
        outlook->looked_deep_ms = is_deep ? now_ms : outlook->looked_deep_ms;
    }
}

struct outlook *outlook_open(struct scripts *scripts, outlook_on_due *on_due, void *arg)
{
    struct outlook *outlook = memory_zeroed(sizeof *outlook);
    *outlook = (struct outlook){.scripts = scripts, .on_due = on_due, .arg = arg};
    return outlook;
}

void outlook_close(struct outlook *outlook)
{
    free(outlook);
}
