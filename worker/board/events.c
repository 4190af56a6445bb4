// See events.h. The read blocks, so it has a connection of its own.
#include "events.h"

#include "memory.h"
#include "read_script.h"
#include "redis_command.h"
#include "redis_keys.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK_MS "2000" // below REDIS_COMMAND_DEADLINE_MS
#define COUNT "256"
#define RETRY_MS 1000 // after an error reply

enum phase { BEGINNING, FOLLOWING, RESTING, SKIPPING };

struct events {
    struct redis *redis;
    struct bytes key;
    struct read_script *newest;
    struct loop_timer *later;
    const struct events_callbacks *callbacks;
    void *arg;
    enum phase phase;
    bool is_wanted;
    bool is_reading;      // a read is out
    struct entry_id last; // that was taken: where the reading goes on
    uint64_t count;       // events that were ever added, up to `last`
    uint64_t read_ms;     // loop_now_ms when some came by themselves; 0: never
};

static void go_on(struct events *events);

// What was read while somebody watched is old by the time when the next viewer comes.
static void forget_if_unwanted(struct events *events)
{
    if (!events->is_wanted && !events->is_reading) {
        events->phase = BEGINNING;
    }
}

static void take(struct events *events, const redisReply *rows, size_t count)
{
    if (count > 0) {
        events->last = entry_id_of(rows->element[count - 1]->element[0]->str);
        events->count += count;
    }
}

static void try_later(struct events *events, const redisReply *reply)
{
    if (reply_is_error(reply)) {
        loop_timer_start(events->later, RETRY_MS);
    } else {
        go_on(events);
    }
}

// --- following ----------------------------------------------------------------------------------

static void on_rows(const redisReply *reply, void *arg)
{
    struct events *events = arg;
    events->is_reading = false;
    if (reply_has_shape(reply, "((s" REPLY_ROWS "))")) {
        const redisReply *rows = reply->element[0]->element[1];
        const size_t taken = events->callbacks->on_next(rows, events->arg);
        take(events, rows, taken);
        events->phase = taken < rows->elements ? RESTING : FOLLOWING;
        events->read_ms = loop_now_ms();
        go_on(events);
    } else if (reply) { // nothing has come, or an error
        try_later(events, reply);
    } else { // the connection is lost; on_state follows
        forget_if_unwanted(events);
    }
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

// True, and the timer is set, if the last ones have just come.
static bool must_gather(struct events *events)
{
    const uint64_t passed_ms = loop_now_ms() - events->read_ms;
    if (passed_ms < EVENTS_GATHER_MS) {
        loop_timer_start(events->later, EVENTS_GATHER_MS - passed_ms);
    }
    return passed_ms < EVENTS_GATHER_MS;
}

// --- the newest ---------------------------------------------------------------------------------

static void take_newest(struct events *events, uint64_t added, const redisReply *rows)
{
    const bool is_first = events->phase == BEGINNING;
    const uint64_t seen = events->count + rows->elements;
    uint64_t left_out = 0;
    if (!is_first && rows->elements == EVENTS_NEWEST) { // else there are no others
        left_out = added < seen ? EVENTS_UNKNOWN : added - seen;
    }
    events->phase = FOLLOWING;
    take(events, rows, rows->elements);
    events->count = added;
    events->callbacks->on_newest(rows, is_first, left_out, events->arg);
}

static void on_newest(const redisReply *reply, void *arg)
{
    struct events *events = arg;
    events->is_reading = false;
    if (read_script_look_at(events->newest, reply)) {
        go_on(events);
    } else if (reply_has_shape(reply, "(n" REPLY_ROWS ")")) {
        take_newest(events, (uint64_t)reply->element[0]->integer, reply->element[1]);
        go_on(events);
    } else if (reply) {
        try_later(events, reply);
    } else {
        forget_if_unwanted(events);
    }
}

static bool read_newest(struct events *events)
{
    char after[ENTRY_ID_BYTES], count[REDIS_NUMBER_BYTES];
    events->last = events->phase == BEGINNING ? (struct entry_id){0, 0} : events->last;
    entry_id_print(events->last, after);
    const struct bytes_view args[] = {view_of_text(after), redis_number(count, EVENTS_NEWEST)};
    return read_script_send(events->newest, 2, args, on_newest, events);
}

// --- the reading --------------------------------------------------------------------------------

static void go_on(struct events *events)
{
    forget_if_unwanted(events);
    if (!events->is_wanted || events->is_reading || !redis_is_up(events->redis)) {
        return;
    }
    switch (events->phase) {
    case BEGINNING:
    case SKIPPING:
        events->is_reading = read_newest(events);
        break;
    case FOLLOWING:
        events->is_reading = !must_gather(events) && read_on(events);
        break;
    case RESTING:
        break;
    }
}

static void on_state(bool up, void *arg)
{
    struct events *events = arg;
    if (up) {
        go_on(events);
    }
}

static void on_time(void *arg)
{
    go_on(arg);
}

struct events *events_open(struct loop *loop, const struct redis_address *address,
                           const char *prefix, const struct events_callbacks *callbacks, void *arg)
{
    struct events *events = memory_zeroed(sizeof *events);
    events->callbacks = callbacks;
    events->arg = arg;
    events->later = loop_timer_open(loop, on_time, events);
    redis_key_init(&events->key, prefix, REDIS_KEY_AUDIT);
    events->redis = redis_open(loop, address, "dialin-board-events", on_state, events);
    events->newest = read_script_open(events->redis, SCRIPT_NEWEST, prefix);
    return events;
}

void events_close(struct events *events)
{
    events->is_wanted = false;
    redis_close(events->redis);
    read_script_close(events->newest);
    loop_timer_close(events->later);
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
    return events->phase != BEGINNING;
}

void events_skip(struct events *events)
{
    if (events->phase == RESTING) {
        events->phase = SKIPPING;
        go_on(events);
    }
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
