// See outlook.h.
#include "outlook.h"

#include "forecast.h"
#include "loop.h"
#include "memory.h"
#include "redis_command.h"

#include <stdlib.h>

// {{agent, place, starts, in how many ms, {call_id or an empty text, ms left, ms of the whole hold}
// of each call} of each line, agent and place to go on with}
#define LINES_SHAPE "([(snnn[(snn)])]sn)"
enum { LINES, NEXT_AGENT, NEXT_PLACE };
enum { AGENT, PLACE, STARTS, SPAN, CALLS };

struct outlook {
    struct scripts *scripts;
    outlook_on_due *on_due;
    void *arg;
    uint64_t looked_ms, looked_deep_ms; // 0: never
    bool is_looking;
    bool is_deep;
    unsigned pages, made_due; // in this look
    struct forecast forecast; // of the line that the last page ended in
};

// The calls of a reply that are lost. Borrowed from the reply.
struct lost_calls {
    struct bytes_view list[OUTLOOK_PAGE];
    size_t count;
};

static uint64_t number_at(const redisReply *list, size_t place)
{
    return (uint64_t)list->element[place]->integer;
}

// A line that does not begin at its first call goes on where the page before ended.
static void judge(struct outlook *outlook, const redisReply *line, struct lost_calls *lost)
{
    const redisReply *calls = line->element[CALLS];
    if (number_at(line, PLACE) == 0) {
        forecast_begin(&outlook->forecast, number_at(line, STARTS), number_at(line, SPAN));
    }
    for (size_t i = 0; i < calls->elements && lost->count < OUTLOOK_PAGE; i++) {
        const redisReply *call = calls->element[i];
        struct bytes_view call_id = reply_view(call->element[0]);
        bool is_lost =
            forecast_moves_on(&outlook->forecast, number_at(call, 1), number_at(call, 2));
        if (is_lost && call_id.len > 0 && outlook->made_due < OUTLOOK_DUE_MAX) {
            lost->list[lost->count++] = call_id;
            outlook->made_due++;
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

static void make_due(struct outlook *outlook, const struct lost_calls *lost)
{
    for (size_t i = 0; i < lost->count; i += SCRIPT_ARGUMENTS_MAX) {
        size_t left = lost->count - i;
        scripts_send(outlook->scripts, SCRIPT_DUE,
                     left < SCRIPT_ARGUMENTS_MAX ? left : SCRIPT_ARGUMENTS_MAX, lost->list + i,
                     on_made_due, outlook);
    }
}

static void on_page(const redisReply *reply, void *arg);

// The views need to live for this call only.
static void read_page(struct outlook *outlook, struct bytes_view agent, uint64_t place)
{
    char numbers[3][REDIS_NUMBER_BYTES];
    const struct bytes_view argv[] = {
        agent, redis_number(numbers[0], place),
        redis_number(numbers[1], outlook->is_deep ? FORECAST_DEEP_WALK_MAX : FORECAST_WALK_MAX),
        redis_number(numbers[2], OUTLOOK_PAGE)};
    outlook->pages++;
    outlook->is_looking = scripts_send(outlook->scripts, SCRIPT_OUTLOOK, 4, argv, on_page, outlook);
}

static void on_page(const redisReply *reply, void *arg)
{
    struct outlook *outlook = arg;
    struct lost_calls lost = {.count = 0};
    outlook->is_looking = false;
    scripts_look_at(outlook->scripts, reply);
    if (!reply_has_shape(reply, LINES_SHAPE)) {
        return;
    }
    const redisReply *lines = reply->element[LINES];
    for (size_t i = 0; i < lines->elements; i++) {
        judge(outlook, lines->element[i], &lost);
    }
    struct bytes_view next = reply_view_at(reply, NEXT_AGENT);
    if (next.len > 0 && outlook->pages < OUTLOOK_PAGES_MAX) {
        read_page(outlook, next,
                  number_at(reply, NEXT_PLACE)); // ahead of calls that leave the line
    }
    make_due(outlook, &lost);
}

void outlook_look(struct outlook *outlook)
{
    uint64_t now_ms = loop_now_ms();
    if (outlook->is_looking ||
        (outlook->looked_ms && now_ms - outlook->looked_ms < OUTLOOK_LOOK_MS)) {
        return;
    }
    outlook->is_deep = now_ms - outlook->looked_deep_ms >= FORECAST_DEEP_EVERY_MS;
    outlook->pages = outlook->made_due = 0;
    read_page(outlook, VIEW(""), 0);
    if (outlook->is_looking) {
        outlook->looked_ms = now_ms;
        outlook->looked_deep_ms = outlook->is_deep ? now_ms : outlook->looked_deep_ms;
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
