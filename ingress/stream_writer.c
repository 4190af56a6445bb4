// Without replicas to wait for, an entry's callback comes with the answer to its XADD. With them,
// it comes when redis_replicas.h has seen that they have the entry.
#include "stream_writer.h"

#include "event_trim.h"
#include "log.h"
#include "memory.h"
#include "redis_command.h"
#include "redis_keys.h"
#include "redis_replicas.h"
#include "write_probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COMPLAIN_EVERY 1000
#define EVENT_WORDS (3 + EVENT_TRIM_WORDS) // of XADD, before its fields

struct write {
    struct stream_writer *writer;
    stream_writer_on_written *on_written;
    void *arg;
    bool is_event; // its loss is not looked for
    size_t bytes;  // of its values; of an event
    char entry_id[ENTRY_ID_BYTES];
};

struct stream_writer {
    struct stream_writer_settings settings;
    struct redis *redis;
    loop_on_time *on_up;
    void *arg;
    struct bytes stream, low_key, refused_key, daily_key;
    struct event_trim event_trim;
    uint64_t trace_errors, event_errors;
    char low[ENTRY_ID_BYTES];
    struct redis_replicas *replicas;
    struct write_probe *probe;
    uint64_t down_from;          // loop_now_ms; 0: it is up
    char newest[ENTRY_ID_BYTES]; // of those that were acknowledged; empty: none
    uint64_t *errors, *losses;
};

bool stream_writer_is_up(const struct stream_writer *writer)
{
    return redis_is_up(writer->redis) && !redis_replicas_are_missing(writer->replicas) &&
           write_probe_is_good(writer->probe);
}

struct redis *stream_writer_redis(const struct stream_writer *writer)
{
    return writer->redis;
}

const char *stream_writer_not_ready_reason(const struct stream_writer *writer)
{
    const char *refusal = write_probe_not_ready_reason(writer->probe);
    if (!redis_is_up(writer->redis)) {
        return redis_not_ready_reason(writer->redis);
    }
    if (refusal) {
        return refusal;
    }
    return redis_replicas_are_missing(writer->replicas) ? REDIS_REPLICAS_NOT_READY : NULL;
}

// Something may have brought it up, or down.
static void note_state(void *arg)
{
    struct stream_writer *writer = arg;
    bool is_up = stream_writer_is_up(writer);
    if (!is_up && writer->down_from == 0) {
        writer->down_from = loop_now_ms();
    } else if (is_up && writer->down_from > 0) {
        writer->down_from = 0;
        writer->on_up(writer->arg);
    }
}

uint64_t stream_writer_down_ms(const struct stream_writer *writer)
{
    return writer->down_from ? loop_now_ms() - writer->down_from : 0;
}

uint64_t stream_writer_now_ms(const struct stream_writer *writer)
{
    return redis_now_ms(writer->redis);
}

bool stream_writer_knows_time(const struct stream_writer *writer)
{
    return redis_clock(writer->redis)->is_known;
}

// --- entries that Redis has lost ----------------------------------------------------------------

// The answer to GET low: up to there every entry is finished, and may have been trimmed.
static void on_low(const redisReply *reply, void *arg)
{
    struct stream_writer *writer = arg;
    if (!reply_copy(reply, writer->low, sizeof writer->low) || !entry_id_is_valid(writer->low)) {
        snprintf(writer->low, sizeof writer->low, "0-0");
    }
}

static void on_newest(const redisReply *reply, void *arg)
{
    struct stream_writer *writer = arg;
    bool is_gone = reply_is_list_of(reply, 0);
    if (is_gone && writer->newest[0] &&
        entry_id_compare(entry_id_of(writer->low), entry_id_of(writer->newest)) < 0) {
        log_error("Redis has lost webhooks that were acknowledged: it was flushed, restored, or "
                  "failed over to a replica that did not have them",
                  log_text("acknowledged_up_to", writer->newest),
                  log_text("finished_up_to", writer->low));
        (*writer->losses)++;
        writer->newest[0] = '\0'; // said once
    }
}

static void look_for_losses(struct stream_writer *writer)
{
    const struct bytes_view newest = view_of_text(writer->newest);
    const struct bytes_view low[] = {VIEW("GET"), bytes_view(&writer->low_key)};
    const struct bytes_view range[] = {VIEW("XRANGE"), bytes_view(&writer->stream), newest, newest};
    if (writer->newest[0]) {
        redis_send(writer->redis, 2, low, on_low, writer);
        redis_send(writer->redis, 4, range, on_newest, writer);
    }
}

// --- writing ------------------------------------------------------------------------------------

static void end_write(struct write *write, bool has_it)
{
    struct stream_writer *writer = write->writer;
    if (has_it && !write->is_event) {
        memcpy(writer->newest, write->entry_id, sizeof writer->newest);
    }
    write->on_written(has_it ? view_of_text(write->entry_id) : VIEW(""), write->arg);
    free(write);
}

static void on_replicas(bool have_it, void *arg)
{
    end_write(arg, have_it);
}

// Whatever else comes, from something that is not a Redis, is not an acknowledgement.
static bool take_entry_id(struct write *write, const redisReply *reply)
{
    return reply && reply->type == REDIS_REPLY_STRING &&
           reply_copy(reply, write->entry_id, sizeof write->entry_id) &&
           entry_id_is_valid(write->entry_id);
}

static void end_when_replicated(struct write *write, bool has_it)
{
    struct stream_writer *writer = write->writer;
    if (has_it && redis_replicas_are_wanted(writer->replicas)) {
        redis_replicas_wait(writer->replicas, STREAM_WRITER_WAITS_MAX, on_replicas, write);
    } else {
        end_write(write, has_it);
    }
}

static void on_added(const redisReply *reply, void *arg)
{
    struct write *write = arg;
    bool has_it = take_entry_id(write, reply);
    if (reply) {
        write_probe_note(write->writer->probe, reply, has_it);
    }
    end_when_replicated(write, has_it);
}

static void on_event_added(const redisReply *reply, void *arg)
{
    struct write *write = arg;
    if (reply_is_error(reply) && write->writer->event_errors++ % COMPLAIN_EVERY == 0) {
        log_error("Redis refuses Daily's events", log_text("error", reply->str));
    }
    bool has_it = take_entry_id(write, reply);
    if (has_it) {
        event_trim_note(&write->writer->event_trim, write->bytes, write->entry_id);
    }
    end_when_replicated(write, has_it);
}

static void on_state(bool up, void *arg)
{
    struct stream_writer *writer = arg;
    if (up) {
        look_for_losses(writer);
        redis_replicas_on_up(writer->replicas, writer->redis);
        write_probe_on_up(writer->probe, writer->redis); // whose success brings it up
    } else {
        write_probe_on_down(writer->probe);
        note_state(writer);
        redis_replicas_on_down(writer->replicas);
    }
}

bool stream_writer_write(struct stream_writer *writer, size_t count,
                         const struct bytes_view *fields, stream_writer_on_written *on_written,
                         void *arg)
{
    struct bytes_view argv[REDIS_ARGUMENTS_MAX] = {VIEW("XADD"), bytes_view(&writer->stream),
                                                   VIEW("*")};
    struct write *write = memory_zeroed(sizeof *write);
    *write = (struct write){.writer = writer, .on_written = on_written, .arg = arg};
    memcpy(argv + 3, fields, count * sizeof *fields);
    if (!stream_writer_is_up(writer) ||
        !redis_send(writer->redis, 3 + count, argv, on_added, write)) {
        free(write);
        return false;
    }
    return true;
}

bool stream_writer_write_event(struct stream_writer *writer, size_t count,
                               const struct bytes_view *fields,
                               stream_writer_on_written *on_written, void *arg)
{
    struct bytes_view argv[REDIS_ARGUMENTS_MAX] = {VIEW("XADD"), bytes_view(&writer->daily_key)};
    struct write *write = memory_zeroed(sizeof *write);
    *write =
        (struct write){.writer = writer, .on_written = on_written, .arg = arg, .is_event = true};
    for (size_t i = 0; i < count; i++) {
        write->bytes += fields[i].len;
    }
    event_trim_words(&writer->event_trim, argv + 2);
    argv[2 + EVENT_TRIM_WORDS] = VIEW("*");
    memcpy(argv + EVENT_WORDS, fields, count * sizeof *fields);
    if (!stream_writer_is_up(writer) ||
        !redis_send_aside(writer->redis, EVENT_WORDS + count, argv, on_event_added, write)) {
        free(write);
        return false;
    }
    return true;
}

// --- refused webhooks ---------------------------------------------------------------------------

static void on_traced(const redisReply *reply, void *arg)
{
    struct stream_writer *writer = arg;
    if (reply_is_error(reply) && writer->trace_errors++ % COMPLAIN_EVERY == 0) {
        log_error("Redis refuses the trace of a refused webhook", log_text("error", reply->str));
    }
}

void stream_writer_trace(struct stream_writer *writer, size_t count,
                         const struct bytes_view *fields)
{
    char entries_max[REDIS_NUMBER_BYTES];
    struct bytes_view argv[REDIS_ARGUMENTS_MAX] = {
        VIEW("XADD"), bytes_view(&writer->refused_key), VIEW("MAXLEN"),
        redis_number(entries_max, STREAM_WRITER_TRACES_MAX), VIEW("*")};
    memcpy(argv + 5, fields, count * sizeof *fields);
    redis_send(writer->redis, 5 + count, argv, on_traced, writer);
}

// --- calls that are kept ------------------------------------------------------------------------

struct look_up {
    stream_writer_on_call *on_call;
    void *arg;
};

static void on_looked_up(const redisReply *reply, void *arg)
{
    struct look_up *look_up = arg;
    look_up->on_call(reply_view_at(reply, 0), reply_view_at(reply, 1), look_up->arg);
    free(look_up);
}

bool stream_writer_look_up(struct stream_writer *writer, const char *call_id,
                           stream_writer_on_call *on_call, void *arg)
{
    struct bytes key;
    struct look_up *look_up = memory_zeroed(sizeof *look_up);
    *look_up = (struct look_up){on_call, arg};
    bytes_init(&key, REDIS_KEY_BYTES_MAX);
    redis_key_set(&key, writer->settings.redis_prefix, REDIS_KEY_CALL, view_of_text(call_id));
    const struct bytes_view argv[] = {VIEW("HMGET"), bytes_view(&key), VIEW("state"),
                                      VIEW("reason")};
    bool is_sent = redis_send(writer->redis, 4, argv, on_looked_up, look_up);
    bytes_release(&key);
    if (!is_sent) {
        free(look_up);
    }
    return is_sent;
}

// --- opening and closing ------------------------------------------------------------------------

struct stream_writer *stream_writer_open(struct loop *loop, const struct redis_address *redis,
                                         const struct stream_writer_settings *settings,
                                         struct metrics *metrics, loop_on_time *on_up, void *arg)
{
    struct stream_writer *writer = memory_zeroed(sizeof *writer);
    writer->settings = *settings;
    writer->on_up = on_up;
    writer->arg = arg;
    writer->down_from = loop_now_ms();
    redis_key_init(&writer->stream, settings->redis_prefix, REDIS_KEY_WEBHOOKS);
    redis_key_init(&writer->low_key, settings->redis_prefix, REDIS_KEY_LOW);
    redis_key_init(&writer->refused_key, settings->redis_prefix, REDIS_KEY_REFUSED);
    redis_key_init(&writer->daily_key, settings->redis_prefix, REDIS_KEY_DAILY);
    writer->errors =
        metrics_counter(metrics, "dialin_append_errors_total", "XADDs that Redis refused.", NULL);
    writer->losses = metrics_counter(metrics, "dialin_losses_total",
                                     "Times that Redis had lost acknowledged webhooks.", NULL);
    const struct redis_replicas_settings replicas = {
        .count = settings->wait_replicas,
        .wait_ms = STREAM_WRITER_WAIT_MS,
        .consequence = "nothing is acknowledged without them",
    };
    writer->replicas = redis_replicas_open(loop, &replicas, note_state, writer);
    writer->probe =
        write_probe_open(loop, bytes_view(&writer->stream), writer->errors, note_state, writer);
    writer->redis = redis_open(loop, redis, "dialin-ingress", on_state, writer);
    return writer;
}

void stream_writer_reload(struct stream_writer *writer, const struct redis_address *redis)
{
    redis_reload(writer->redis, redis);
}

void stream_writer_close(struct stream_writer *writer)
{
    redis_close(writer->redis);
    redis_replicas_close(writer->replicas);
    write_probe_close(writer->probe);
    bytes_release(&writer->stream);
    bytes_release(&writer->low_key);
    bytes_release(&writer->refused_key);
    bytes_release(&writer->daily_key);
    free(writer);
}
