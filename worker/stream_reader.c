// Three things go on here. Reading: one XREADGROUP at a time, for no more entries than there is
// room for; that number is the back-pressure. The lease: a key that is renewed every quarter of its
// time; nothing is read before the first one stands. Taking over: a script looks for consumers
// without a lease and moves their entries into this consumer's pending list.
//
// Surprising: entries get into the pending list without having been read: by a take-over, and when
// an answer is lost on its way here. So after each of these the pending list is read from its start
// (`backlog`), before anything new.
#include "stream_reader.h"

#include "log.h"
#include "memory.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define GROUP "workers"
#define KEY_BYTES_MAX 512
#define COMPLAIN_EVERY_MS 5000
#define PAUSE_AFTER_ERROR_MS 200
#define OLDEST_ID "0-0"

struct stream_reader {
    struct stream_reader_settings settings;
    struct stream_reader_events events;
    void *arg;
    struct redis *blocking;
    struct redis *commands;
    struct scripts *scripts;
    struct loop_timer *renewal;
    struct loop_timer *look;
    struct loop_timer *pause;
    struct bytes stream, lease, leases;
    bool has_lease;
    bool has_group;
    bool is_making_group;
    bool is_reading; // an XREADGROUP is out
    bool is_paused;
    bool is_stopped;
    bool is_looking;
    bool has_backlog;                          // the pending list is to be read
    char backlog_from[WEBHOOK_ENTRY_ID_BYTES]; // behind this entry
    uint64_t complained_ms;
    loop_on_time *on_left;
    void *on_left_arg;
};

static void read_on(struct stream_reader *reader);

// --- entries ----------------------------------------------------------------------------------

static void copy_id(char out[WEBHOOK_ENTRY_ID_BYTES], const char *id)
{
    snprintf(out, WEBHOOK_ENTRY_ID_BYTES, "%s", id);
}

static void ignore(const redisReply *reply, void *arg)
{
    (void)reply, (void)arg;
}

// An entry that somebody deleted from the stream while it was pending.
static void acknowledge_empty(struct stream_reader *reader, struct bytes_view entry_id)
{
    const struct bytes_view argv[] = {VIEW("XACK"), bytes_view(&reader->stream), VIEW(GROUP),
                                      entry_id};
    log_error("a pending entry was deleted from the stream: its call is lost",
              log_view("entry", entry_id));
    redis_send(reader->commands, 4, argv, ignore, NULL);
}

// Waits for a worker that knows its version.
static void put_aside(struct stream_reader *reader, struct bytes_view entry_id,
                      struct bytes_view version)
{
    const struct bytes_view argv[] = {VIEW("XCLAIM"), bytes_view(&reader->stream),
                                      VIEW(GROUP),    VIEW("unknown"),
                                      VIEW("0"),      entry_id,
                                      VIEW("JUSTID")};
    log_error("an entry of a newer version is put aside: update the workers",
              log_view("entry", entry_id), log_view("version", version));
    redis_send(reader->commands, 7, argv, ignore, NULL);
}

static bool offer(struct stream_reader *reader, const redisReply *row)
{
    struct bytes_view entry_id = {row->element[0]->str, row->element[0]->len};
    struct webhook_entry entry = {0};
    if (row->element[1]->type != REDIS_REPLY_ARRAY) {
        acknowledge_empty(reader, entry_id);
        return true;
    }
    const char *problem = webhook_entry_from_reply(&entry, row->element[1]);
    if (problem && entry.version.len > 0 &&
        !view_equal_text(entry.version, WEBHOOK_ENTRY_VERSION)) {
        put_aside(reader, entry_id, entry.version);
        return true;
    }
    return reader->events.on_entry(entry_id, &entry, problem, reader->arg);
}

static bool is_row(const redisReply *row)
{
    return row->type == REDIS_REPLY_ARRAY && row->elements == 2 &&
           row->element[0]->type == REDIS_REPLY_STRING &&
           row->element[0]->len < WEBHOOK_ENTRY_ID_BYTES;
}

// The rows of the one stream in an answer to XREADGROUP; NULL where there are none.
static const redisReply *rows_of(const redisReply *reply)
{
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 1 ||
        reply->element[0]->type != REDIS_REPLY_ARRAY || reply->element[0]->elements != 2 ||
        reply->element[0]->element[1]->type != REDIS_REPLY_ARRAY) {
        return NULL;
    }
    return reply->element[0]->element[1];
}

static void take_rows(struct stream_reader *reader, const redisReply *rows, bool is_backlog)
{
    for (size_t i = 0; i < rows->elements; i++) {
        const redisReply *row = rows->element[i];
        if (!is_row(row)) {
            continue;
        }
        if (!offer(reader, row)) {
            if (!is_backlog) { // came without room: it is in the pending list, and read from there
                reader->has_backlog = true;
                copy_id(reader->backlog_from, OLDEST_ID);
            }
            return;
        }
        if (is_backlog) {
            copy_id(reader->backlog_from, row->element[0]->str);
        }
    }
    if (is_backlog && rows->elements == 0) {
        reader->has_backlog = false;
    }
}

// --- reading ----------------------------------------------------------------------------------

static void make_group(struct stream_reader *reader);

static void unpause(void *arg)
{
    struct stream_reader *reader = arg;
    reader->is_paused = false;
    read_on(reader);
}

static void pause_after_error(struct stream_reader *reader, const char *error)
{
    uint64_t now_ms = loop_now_ms();
    if (now_ms - reader->complained_ms > COMPLAIN_EVERY_MS) {
        reader->complained_ms = now_ms;
        log_error("the stream cannot be read; trying again", log_text("error", error));
    }
    reader->is_paused = true;
    loop_timer_start(reader->pause, PAUSE_AFTER_ERROR_MS);
}

static void on_error(struct stream_reader *reader, const redisReply *reply)
{
    enum redis_error error = redis_error_of(reply);
    pause_after_error(reader, reply->str);
    if (error == REDIS_NOGROUP) {
        reader->has_group = false; // it is made again behind the pause
    } else if (error == REDIS_ELSEWHERE) {
        redis_restart(reader->blocking);
    }
}

static void on_read(const redisReply *reply, bool is_backlog, struct stream_reader *reader)
{
    reader->is_reading = false;
    if (!reply) {
        reader->has_backlog = true; // what this answer held is pending here, and unknown
        copy_id(reader->backlog_from, OLDEST_ID);
        return;
    }
    if (reader->is_stopped) {
        return;
    }
    const redisReply *rows = rows_of(reply);
    if (reply->type == REDIS_REPLY_ERROR) {
        on_error(reader, reply);
    } else if (rows) {
        take_rows(reader, rows, is_backlog);
    }
    read_on(reader);
}

static void on_new(const redisReply *reply, void *arg)
{
    on_read(reply, false, arg);
}

static void on_backlog(const redisReply *reply, void *arg)
{
    on_read(reply, true, arg);
}

static void read_on(struct stream_reader *reader)
{
    size_t room = reader->events.room(reader->arg);
    if (reader->is_reading || reader->is_paused || reader->is_stopped || !reader->has_lease ||
        room == 0) {
        return;
    }
    if (!reader->has_group) {
        make_group(reader);
        return;
    }
    char count[16], block_ms[16];
    room = room < STREAM_READER_COUNT_MAX ? room : STREAM_READER_COUNT_MAX;
    snprintf(count, sizeof count, "%zu", room);
    snprintf(block_ms, sizeof block_ms, "%d", STREAM_READER_BLOCK_MS);
    const struct bytes_view argv[] = {
        VIEW("XREADGROUP"),
        VIEW("GROUP"),
        VIEW(GROUP),
        view_of_text(reader->settings.consumer),
        VIEW("COUNT"),
        view_of_text(count),
        VIEW("BLOCK"),
        view_of_text(block_ms),
        VIEW("STREAMS"),
        bytes_view(&reader->stream),
        reader->has_backlog ? view_of_text(reader->backlog_from) : VIEW(">"),
    };
    reader->is_reading = redis_send(reader->blocking, sizeof argv / sizeof argv[0], argv,
                                    reader->has_backlog ? on_backlog : on_new, reader);
}

void stream_reader_pull(struct stream_reader *reader)
{
    read_on(reader);
}

bool stream_reader_is_reading(const struct stream_reader *reader)
{
    return reader->has_lease && reader->has_group && redis_is_up(reader->blocking);
}

static void read_backlog(struct stream_reader *reader)
{
    reader->has_backlog = true;
    copy_id(reader->backlog_from, OLDEST_ID);
    read_on(reader);
}

static void on_blocking(bool up, void *arg)
{
    struct stream_reader *reader = arg;
    if (up && !reader->is_stopped) {
        reader->has_group = false; // perhaps another Redis by now
        read_backlog(reader);
    }
}

static void on_group(const redisReply *reply, void *arg)
{
    struct stream_reader *reader = arg;
    reader->is_making_group = false;
    if (!reply) {
        return;
    }
    if (reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "BUSYGROUP", 9) != 0) {
        pause_after_error(reader, reply->str);
        return;
    }
    reader->has_group = true;
    read_on(reader);
}

// From the oldest entry on: `begin` recognises what was finished before.
static void make_group(struct stream_reader *reader)
{
    const struct bytes_view argv[] = {VIEW("XGROUP"), VIEW("CREATE"), bytes_view(&reader->stream),
                                      VIEW(GROUP),    VIEW("0"),      VIEW("MKSTREAM")};
    if (!reader->is_making_group) {
        reader->is_making_group = redis_send(reader->blocking, 6, argv, on_group, reader);
    }
}

// --- the lease --------------------------------------------------------------------------------

static void on_lease(const redisReply *reply, void *arg)
{
    struct stream_reader *reader = arg;
    if (reply && reply->type == REDIS_REPLY_STATUS && !reader->has_lease) {
        reader->has_lease = true;
        read_on(reader);
    } else if (reply && reply->type == REDIS_REPLY_ERROR) {
        pause_after_error(reader, reply->str);
    }
}

static void renew(void *arg)
{
    struct stream_reader *reader = arg;
    char lease_ms[24];
    snprintf(lease_ms, sizeof lease_ms, "%llu", (unsigned long long)reader->settings.lease_ms);
    const struct bytes_view argv[] = {VIEW("SET"), bytes_view(&reader->lease),
                                      view_of_text(reader->settings.worker_name), VIEW("PX"),
                                      view_of_text(lease_ms)};
    redis_send(reader->commands, 5, argv, on_lease, reader);
    loop_timer_start(reader->renewal, reader->settings.lease_ms / 4);
}

void stream_reader_on_commands_up(struct stream_reader *reader)
{
    renew(reader);
}

// --- taking over, and leaving -----------------------------------------------------------------

static void on_taken(const redisReply *reply, void *arg)
{
    struct stream_reader *reader = arg;
    reader->is_looking = false;
    scripts_look_at(reader->scripts, reply);
    if (reply && reply->type == REDIS_REPLY_INTEGER && reply->integer > 0) {
        log_warning("took over entries of a worker that is gone",
                    log_number("entries", reply->integer));
        read_backlog(reader);
        loop_timer_start(reader->look, 0); // there may be more
    }
}

static void look_for_the_dead(void *arg)
{
    struct stream_reader *reader = arg;
    size_t room = reader->events.room(reader->arg);
    char most[24];
    loop_timer_start(reader->look, STREAM_READER_LOOK_MS);
    if (!reader->has_lease || !reader->has_group || reader->is_stopped || reader->is_looking ||
        reader->has_backlog || room == 0) {
        return;
    }
    snprintf(most, sizeof most, "%zu",
             room < STREAM_READER_COUNT_MAX ? room : STREAM_READER_COUNT_MAX);
    const struct bytes_view keys[] = {bytes_view(&reader->stream)};
    const struct bytes_view argv[] = {view_of_text(reader->settings.consumer), view_of_text(most),
                                      bytes_view(&reader->leases)};
    reader->is_looking =
        scripts_send(reader->scripts, SCRIPT_TAKE_OVER, 1, keys, 3, argv, on_taken, reader);
}

void stream_reader_stop(struct stream_reader *reader)
{
    reader->is_stopped = true;
}

static void on_left(const redisReply *reply, void *arg)
{
    (void)reply;
    struct stream_reader *reader = arg;
    reader->on_left(reader->on_left_arg);
}

void stream_reader_leave(struct stream_reader *reader, loop_on_time *on_left_callback, void *arg)
{
    assert(reader->is_stopped);
    const struct bytes_view keys[] = {bytes_view(&reader->stream), bytes_view(&reader->lease)};
    const struct bytes_view argv[] = {view_of_text(reader->settings.consumer)};
    reader->on_left = on_left_callback;
    reader->on_left_arg = arg;
    loop_timer_stop(reader->renewal);
    if (!scripts_send(reader->scripts, SCRIPT_LEAVE, 2, keys, 1, argv, on_left, reader)) {
        on_left_callback(arg); // the lease runs out by itself
    }
}

// --- opening and closing ----------------------------------------------------------------------

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
                                         const struct stream_reader_settings *settings,
                                         const struct stream_reader_events *events, void *arg)
{
    struct stream_reader *reader = memory_zeroed(sizeof *reader);
    reader->settings = *settings;
    reader->events = *events;
    reader->arg = arg;
    reader->commands = commands;
    reader->scripts = scripts;
    bytes_init(&reader->stream, KEY_BYTES_MAX);
    bytes_init(&reader->lease, KEY_BYTES_MAX);
    bytes_init(&reader->leases, KEY_BYTES_MAX);
    bytes_printf(&reader->stream, "%s:webhooks", settings->prefix);
    bytes_printf(&reader->leases, "%s:worker:", settings->prefix);
    bytes_printf(&reader->lease, "%s:worker:%s", settings->prefix, reader->settings.consumer);
    reader->renewal = loop_timer_open(loop, renew, reader);
    reader->look = loop_timer_open(loop, look_for_the_dead, reader);
    reader->pause = loop_timer_open(loop, unpause, reader);
    reader->blocking = redis_open(loop, address, reader->settings.consumer, on_blocking, reader);
    loop_timer_start(reader->look, STREAM_READER_LOOK_MS);
    return reader;
}

void stream_reader_close(struct stream_reader *reader)
{
    reader->is_stopped = true;
    redis_close(reader->blocking);
    loop_timer_close(reader->renewal);
    loop_timer_close(reader->look);
    loop_timer_close(reader->pause);
    bytes_release(&reader->stream);
    bytes_release(&reader->lease);
    bytes_release(&reader->leases);
    free(reader);
}
