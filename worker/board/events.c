// See events.h. The read blocks, so it has a connection of its own.
#include "events.h"

#include "memory.h"
#include "redis_command.h"
#include "redis_keys.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK_MS "2000" // below REDIS_COMMAND_DEADLINE_MS
#define COUNT "256"
#define RETRY_MS 1000 // after an error reply

struct events {
    struct redis *redis;
    struct bytes key;
    struct loop_timer *retry;
    struct entry_id last;
    events_on_rows *on_rows;
    void *arg;
    bool is_wanted;
    bool is_reading; // a read is out
    bool has_begun;  // `last` is where the reading goes on
};

static void go_on(struct events *events);

// What was read while somebody watched is old by the time when the next viewer comes.
static void forget_if_unwanted(struct events *events)
{
    if (!events->is_wanted && !events->is_reading) {
        events->has_begun = false;
    }
}

static struct entry_id id_of(const redisReply *row)
{
    return entry_id_of(row->element[0]->str);
}

static void deliver(struct events *events, const redisReply *rows, bool is_first)
{
    if (reply_count(rows) > 0) {
        events->last = id_of(rows->element[rows->elements - 1]);
    }
    events->on_rows(rows, is_first, events->arg);
}

static void try_later(struct events *events, const redisReply *reply)
{
    if (reply_is_error(reply)) {
        loop_timer_start(events->retry, RETRY_MS);
    } else {
        go_on(events);
    }
}

static void on_rows(const redisReply *reply, void *arg)
{
    struct events *events = arg;
    events->is_reading = false;
    if (reply_has_shape(reply, "((s" REPLY_ROWS "))")) {
        deliver(events, reply->element[0]->element[1], false);
        go_on(events);
    } else if (reply) { // nothing has come, or an error
        try_later(events, reply);
    } else { // the connection is lost; on_state follows
        forget_if_unwanted(events);
    }
}

static void reverse(redisReply *rows)
{
    for (size_t i = 0; i < rows->elements / 2; i++) {
        redisReply *other = rows->element[rows->elements - 1 - i];
        rows->element[rows->elements - 1 - i] = rows->element[i];
        rows->element[i] = other;
    }
}

static void on_newest(const redisReply *reply, void *arg)
{
    struct events *events = arg;
    events->is_reading = false;
    if (reply_has_shape(reply, REPLY_ROWS)) {
        redis_keep_reply(events->redis);
        redisReply *rows = (redisReply *)(uintptr_t)reply;
        reverse(rows);
        events->has_begun = true;
        events->last = (struct entry_id){0, 0};
        deliver(events, rows, true);
        freeReplyObject(rows);
        go_on(events);
    } else if (reply) {
        try_later(events, reply);
    }
}

static bool read_newest(struct events *events)
{
    char count[REDIS_NUMBER_BYTES];
    const struct bytes_view argv[] = {VIEW("XREVRANGE"), bytes_view(&events->key),
                                      VIEW("+"),         VIEW("-"),
                                      VIEW("COUNT"),     redis_number(count, EVENTS_NEWEST)};
    return redis_send(events->redis, 6, argv, on_newest, events);
}

static bool read_on(struct events *events)
{
    char last[ENTRY_ID_BYTES];
    entry_id_print(events->last, last);
    const struct bytes_view argv[] = {VIEW("XREAD"),
                                      VIEW("COUNT"),
                                      VIEW(COUNT),
                                      VIEW("BLOCK"),
                                      VIEW(BLOCK_MS),
                                      VIEW("STREAMS"),
                                      bytes_view(&events->key),
                                      view_of_text(last)};
    return redis_send(events->redis, 8, argv, on_rows, events);
}

static void go_on(struct events *events)
{
    forget_if_unwanted(events);
    if (events->is_wanted && !events->is_reading && redis_is_up(events->redis)) {
        events->is_reading = events->has_begun ? read_on(events) : read_newest(events);
    }
}

static void on_state(bool up, void *arg)
{
    struct events *events = arg;
    if (up) {
        go_on(events);
    }
}

static void on_retry(void *arg)
{
    go_on(arg);
}

struct events *events_open(struct loop *loop, const struct redis_address *address,
                           const char *prefix, events_on_rows *on_rows_come, void *arg)
{
    struct events *events = memory_zeroed(sizeof *events);
    events->on_rows = on_rows_come;
    events->arg = arg;
    events->retry = loop_timer_open(loop, on_retry, events);
    redis_key_init(&events->key, prefix, REDIS_KEY_AUDIT);
    events->redis = redis_open(loop, address, "dialin-board-events", on_state, events);
    return events;
}

void events_close(struct events *events)
{
    events->is_wanted = false;
    redis_close(events->redis);
    loop_timer_close(events->retry);
    bytes_release(&events->key);
    free(events);
}

void events_want(struct events *events, bool is_wanted)
{
    events->is_wanted = is_wanted;
    go_on(events);
}

bool events_are_read(const struct events *events)
{
    return events->has_begun;
}

bool events_after(struct events *events, struct redis *redis, struct entry_id after, unsigned count,
                  redis_on_reply *on_reply, void *arg)
{
    char from[ENTRY_ID_BYTES], number[REDIS_NUMBER_BYTES];
    entry_id_print(entry_id_after(after), from);
    const struct bytes_view argv[] = {VIEW("XRANGE"),     bytes_view(&events->key),
                                      view_of_text(from), VIEW("+"),
                                      VIEW("COUNT"),      redis_number(number, count)};
    return redis_send(redis, 6, argv, on_reply, arg);
}
