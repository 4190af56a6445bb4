// One thing at a time goes on here (`doing`). Reading: an XREADGROUP for no more entries than there
// is room for; that number is the back-pressure. Catching up: entries get into the pending list
// without having been read, by a claim, or when an answer is lost on its way here. They are listed,
// page by page, and those that nobody knows are resumed.
//
// Surprising: an entry may kill the worker that works on it. So resuming counts as a delivery, in
// Redis and before the work (pending.c: which together, which alone); and one that has been
// delivered STREAM_READER_DELIVERIES_MAX times is given up.
#include "stream_reader.h"

#include "pending.h"
#include "log.h"
#include "memory.h"
#include "redis_command.h"
#include "redis_keys.h"
#include "stream_entry.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define COMPLAIN_EVERY_MS 5000
#define PAUSE_AFTER_ERROR_MS 200

enum doing { DOING_NOTHING, DOING_GROUP, DOING_READ, DOING_LIST, DOING_RESUME };

struct stream_reader {
    struct stream_reader_settings settings;
    struct stream_reader_events events;
    void *arg;
    struct redis *blocking;
    struct redis *commands;
    struct scripts *scripts;
    struct loop_timer *pause;
    struct bytes stream; // key
    enum doing doing;
    bool is_started, is_stopped, is_paused;
    bool has_group, had_group;
    struct pending pending;
    uint64_t complained_ms;
};

static void go_on(struct stream_reader *reader);

// --- entries ----------------------------------------------------------------------------------

static bool offer(struct stream_reader *reader, const redisReply *row, bool is_poison)
{
    const struct bytes_view entry_id = stream_entry_id(row);
    const char *problem = NULL;
    struct webhook_entry entry = {0};
    struct stream_entry_record record;
    switch (stream_entry_read(row, &entry, &problem)) {
    case STREAM_ENTRY_DELETED:
        stream_entry_acknowledge(reader->commands, bytes_view(&reader->stream), entry_id);
        return true;
    case STREAM_ENTRY_NEWER:
        stream_entry_put_aside(reader->commands, bytes_view(&reader->stream), entry_id,
                               entry.version);
        return true;
    case STREAM_ENTRY_KNOWN:
        break;
    }
    problem = is_poison ? "gave up: the workers that worked on it crashed" : problem;
    stream_entry_read_record(row, &record);
    return reader->events.on_entry(entry_id, &entry, &record, problem, reader->arg);
}

// --- catching up with the pending list ----------------------------------------------------------

void stream_reader_read_pending(struct stream_reader *reader)
{
    pending_again(&reader->pending);
    go_on(reader);
}

bool stream_reader_has_pending(const struct stream_reader *reader)
{
    return !pending_is_empty(&reader->pending) || !reader->has_group;
}

// Nothing could be sent: Redis is away, or not ready.
static void pause_a_while(struct stream_reader *reader)
{
    reader->is_paused = true;
    loop_timer_start(reader->pause, PAUSE_AFTER_ERROR_MS);
}

static void pause_after_error(struct stream_reader *reader, const char *error)
{
    uint64_t now_ms = loop_now_ms();
    if (now_ms - reader->complained_ms > COMPLAIN_EVERY_MS) {
        reader->complained_ms = now_ms;
        log_error("the stream cannot be read; retrying", log_text("error", error));
    }
    pause_a_while(reader);
}

static void unpause(void *arg)
{
    struct stream_reader *reader = arg;
    reader->is_paused = false;
    go_on(reader);
}

static void offer_rows(struct stream_reader *reader, const redisReply *rows)
{
    for (size_t i = 0; i < reply_count(rows); i++) {
        const redisReply *row = rows->element[i];
        bool is_poison = reply_integer_at(row, 2, 0, INT64_MAX, 0) >= STREAM_READER_DELIVERIES_MAX;
        if (stream_entry_is_entry(row) && !offer(reader, row, is_poison)) {
            pending_again(&reader->pending); // it came without room: it is in the pending list
        }
    }
}

static void ignore_answer(const redisReply *reply, void *arg)
{
    const struct stream_reader *reader = arg;
    scripts_look_at(reader->scripts, reply);
}

void stream_reader_release(struct stream_reader *reader, struct bytes_view entry_id)
{
    const struct bytes_view argv[] = {view_of_text(reader->settings.consumer), entry_id};
    scripts_send(reader->scripts, SCRIPT_RELEASE, 2, argv, ignore_answer, reader);
}

// Entries that arrive while the worker is shutting down are for the others.
static void release_rows(struct stream_reader *reader, const redisReply *rows)
{
    for (size_t i = 0; i < reply_count(rows); i++) {
        if (stream_entry_is_row(rows->element[i])) {
            stream_reader_release(reader, stream_entry_id(rows->element[i]));
        }
    }
}

void stream_reader_take(struct stream_reader *reader, const redisReply *rows)
{
    if (rows->type == REDIS_REPLY_ARRAY && reader->is_stopped) {
        release_rows(reader, rows);
    } else if (rows->type == REDIS_REPLY_ARRAY) {
        offer_rows(reader, rows);
    }
}

// After any reply: returns true if the caller should read it.
static bool has_answer(struct stream_reader *reader, const redisReply *reply)
{
    reader->doing = DOING_NOTHING;
    if (!reply) {
        pending_restart(&reader->pending); // the entries of the reply are pending here, and unknown
        pause_a_while(reader);
        return false;
    }
    if (reader->is_stopped) {
        return false;
    }
    if (reply->type != REDIS_REPLY_ERROR) {
        return true;
    }
    pending_restart(&reader->pending); // entries that were about to be resumed must be found again
    pause_after_error(reader, scripts_error(reader->scripts, reply));
    reader->has_group = reader->has_group && redis_error_of(reply) != REDIS_NOGROUP;
    return false;
}

static void on_resumed(const redisReply *reply, void *arg)
{
    struct stream_reader *reader = arg;
    scripts_look_at(reader->scripts, reply);
    if (has_answer(reader, reply)) {
        offer_rows(reader, reply);
        go_on(reader);
    }
}

static void resume(struct stream_reader *reader, const pending_id *ids, size_t count)
{
    struct bytes_view argv[2 + PENDING_PAGE_MAX];
    char most[REDIS_NUMBER_BYTES];
    argv[0] = view_of_text(reader->settings.consumer);
    argv[1] = redis_number(most, STREAM_READER_DELIVERIES_MAX);
    for (size_t i = 0; i < count; i++) {
        argv[2 + i] = view_of_text(ids[i]);
    }
    if (scripts_send(reader->scripts, SCRIPT_RESUME, 2 + count, argv, on_resumed, reader)) {
        reader->doing = DOING_RESUME;
        pending_resumed(&reader->pending);
    }
}

// Rows of XPENDING: id, consumer, idle time, deliveries. Stops if there is no more room.
static void on_listed(const redisReply *reply, void *arg)
{
    struct stream_reader *reader = arg;
    if (!has_answer(reader, reply)) {
        return;
    }
    size_t room = reader->events.room(reader->arg), found = 0, i = 0;
    for (; i < reply_count(reply) && i < PENDING_PAGE_MAX; i++) {
        const redisReply *row = reply->element[i];
        if (!stream_entry_is_row(row) || row->elements < 4) {
            continue;
        }
        if (reader->events.is_known(stream_entry_id(row), reader->arg)) {
            pending_pass(&reader->pending, row->element[0]->str);
        } else if (found++ < room) {
            pending_add(&reader->pending, row->element[0]->str,
                        reply_integer_at(row, 3, 0, INT64_MAX, 1) > 1);
        } else {
            break;
        }
    }
    reader->pending.has_more = i < reply_count(reply) || i == PENDING_PAGE_MAX;
    go_on(reader);
}

static void list(struct stream_reader *reader)
{
    char count[REDIS_NUMBER_BYTES];
    const struct bytes_view argv[] = {VIEW("XPENDING"),
                                      bytes_view(&reader->stream),
                                      VIEW(STREAM_GROUP),
                                      view_of_text(reader->pending.list_from),
                                      VIEW("+"),
                                      redis_number(count, PENDING_PAGE_MAX),
                                      view_of_text(reader->settings.consumer)};
    if (redis_send(reader->commands, sizeof argv / sizeof argv[0], argv, on_listed, reader)) {
        reader->doing = DOING_LIST;
    }
}

// True while there is something to catch up with: it is being done, or waits for its moment.
static bool catch_up(struct stream_reader *reader)
{
    const pending_id *ids = NULL;
    size_t count = 0;
    switch (pending_next(&reader->pending, reader->events.beginning(reader->arg), &ids, &count)) {
    case PENDING_NOTHING:
        return false;
    case PENDING_WAIT:
        return true; // stream_reader_pull comes when that is over
    case PENDING_LIST:
        list(reader);
        break;
    case PENDING_RESUME:
        resume(reader, ids, count);
        break;
    }
    if (reader->doing == DOING_NOTHING) {
        pause_a_while(reader);
    }
    return true;
}

// --- the group ----------------------------------------------------------------------------------

static void on_group(const redisReply *reply, void *arg)
{
    struct stream_reader *reader = arg;
    scripts_look_at(reader->scripts, reply);
    if (!has_answer(reader, reply)) {
        return;
    }
    bool is_made = reply->type == REDIS_REPLY_STRING && reply->len > 0;
    if (is_made && (reader->had_group || strcmp(reply->str, "0-0") != 0)) {
        log_error(
            "the consumer group was gone: Redis has lost the pending entries; it is created again "
            "at the first unfinished entry",
            log_text("after", reply->str));
    }
    reader->has_group = reader->had_group = true;
    go_on(reader);
}

static void make_group(struct stream_reader *reader)
{
    if (scripts_send(reader->scripts, SCRIPT_MAKE_GROUP, 0, NULL, on_group, reader)) {
        reader->doing = DOING_GROUP;
    } else {
        pause_a_while(reader);
    }
}

// --- reading ------------------------------------------------------------------------------------

static void on_read(const redisReply *reply, void *arg)
{
    struct stream_reader *reader = arg;
    if (!has_answer(reader, reply)) {
        const redisReply *rows = reply && reader->is_stopped ? stream_entry_rows(reply) : NULL;
        if (rows) {
            release_rows(reader, rows);
        }
        return;
    }
    const redisReply *rows = stream_entry_rows(reply);
    if (rows) {
        offer_rows(reader, rows);
    }
    go_on(reader);
}

static void read_new(struct stream_reader *reader, size_t room)
{
    char count[REDIS_NUMBER_BYTES], block_ms[REDIS_NUMBER_BYTES];
    room = room < STREAM_READER_COUNT_MAX ? room : STREAM_READER_COUNT_MAX;
    const struct bytes_view argv[] = {
        VIEW("XREADGROUP"), VIEW("GROUP"),
        VIEW(STREAM_GROUP), view_of_text(reader->settings.consumer),
        VIEW("COUNT"),      redis_number(count, room),
        VIEW("BLOCK"),      redis_number(block_ms, STREAM_READER_BLOCK_MS),
        VIEW("STREAMS"),    bytes_view(&reader->stream),
        VIEW(">"),
    };
    if (redis_send(reader->blocking, sizeof argv / sizeof argv[0], argv, on_read, reader)) {
        reader->doing = DOING_READ;
    }
}

static void go_on(struct stream_reader *reader)
{
    size_t room = reader->events.room(reader->arg);
    if (reader->doing != DOING_NOTHING || !reader->is_started || reader->is_paused ||
        reader->is_stopped || !redis_is_up(reader->blocking)) {
        return;
    }
    if (!reader->has_group) {
        make_group(reader);
    } else if (room > 0 && !catch_up(reader)) {
        read_new(reader, room);
    }
}

void stream_reader_make_group(struct stream_reader *reader)
{
    reader->has_group = false;
    go_on(reader);
}

void stream_reader_pull(struct stream_reader *reader)
{
    go_on(reader);
}

const char *stream_reader_not_ready_reason(const struct stream_reader *reader)
{
    const char *problem = redis_not_ready_reason(reader->blocking);
    if (!problem && !reader->is_started) {
        problem = "Redis has not taken this worker's lease yet";
    }
    if (!problem && !reader->has_group) {
        problem = "the stream's consumer group cannot be read yet";
    }
    return problem;
}

void stream_reader_reload(struct stream_reader *reader, const struct redis_address *address)
{
    redis_reload(reader->blocking, address);
}

static void on_blocking(bool up, void *arg)
{
    struct stream_reader *reader = arg;
    if (up) {
        reader->has_group = false; // perhaps another Redis by now
        reader->is_paused = false;
        pending_restart(&reader->pending);
        go_on(reader);
    }
}

void stream_reader_serve(struct stream_reader *reader, const struct stream_reader_events *events,
                         void *arg)
{
    reader->events = *events;
    reader->arg = arg;
}

size_t stream_reader_room(const struct stream_reader *reader)
{
    return reader->events.room(reader->arg);
}

void stream_reader_start(struct stream_reader *reader)
{
    reader->is_started = true;
    go_on(reader);
}

void stream_reader_stop(struct stream_reader *reader)
{
    reader->is_stopped = true;
}

// --- opening and closing ------------------------------------------------------------------------

void stream_reader_name(char consumer[STREAM_READER_CONSUMER_BYTES], const char *worker_name)
{
    uint32_t random = 0;
    ssize_t got = getrandom(&random, sizeof random, 0);
    assert(got == sizeof random);
    (void)got;
    snprintf(consumer, STREAM_READER_CONSUMER_BYTES, "%.*s-%08x", STREAM_READER_NAME_BYTES_MAX,
             worker_name, random);
}

struct stream_reader *stream_reader_open(struct loop *loop, const struct redis_address *address,
                                         struct redis *commands, struct scripts *scripts,
                                         const struct stream_reader_settings *settings)
{
    struct stream_reader *reader = memory_zeroed(sizeof *reader);
    reader->settings = *settings;
    reader->commands = commands;
    reader->scripts = scripts;
    redis_key_init(&reader->stream, settings->prefix, REDIS_KEY_WEBHOOKS);
    pending_restart(&reader->pending);
    reader->pause = loop_timer_open(loop, unpause, reader);
    reader->blocking = redis_open(loop, address, reader->settings.consumer, on_blocking, reader);
    redis_ignore_time(reader->blocking);
    return reader;
}

void stream_reader_close(struct stream_reader *reader)
{
    reader->is_stopped = true;
    redis_close(reader->blocking);
    loop_timer_close(reader->pause);
    bytes_release(&reader->stream);
    free(reader);
}
