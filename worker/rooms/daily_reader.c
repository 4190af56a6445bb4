// One step at a time: take events, parse them here, join them in one script that acknowledges them
// too. Should a worker die between the two, the events are taken again after DAILY_READER_AGAIN_MS.
#include "daily_reader.h"

#include "daily_event.h"
#include "log.h"
#include "memory.h"
#include "redis_command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARGS_BYTES_MAX (256 * 1024) // of one step: an event has about 1.2 KiB at most

struct daily_reader {
    struct daily_reader_settings settings;
    struct scripts *scripts;
    struct stream_reader *calls;
    struct lines *lines;
    struct loop_timer *look, *judge;
    bool is_reading, is_claiming, is_judging, is_stopped;
    bool was_up;
    uint64_t judges_from_ms; // loop_now_ms
    size_t taken;            // entries in the last step
    uint64_t claim_at_ms, log_at_ms;
    uint64_t malformed; // since the log had one
    uint64_t *joined, *ignored, *unusable, *never_connected, *corrected;
    int64_t *verdicts[4];
};

static void look_after(struct daily_reader *reader, uint64_t ms)
{
    reader->is_reading = false;
    loop_timer_start(reader->look, ms);
}

// --- joining ------------------------------------------------------------------------------------

static void note_abandoned(const struct daily_reader *reader, const redisReply *calls)
{
    for (size_t i = 0; i < calls->elements; i++) {
        const redisReply *call = calls->element[i];
        log_info("the caller hung up while waiting",
                 log_view("call_id", reply_view(call->element[0])),
                 log_view("agent", reply_view(call->element[1])),
                 log_view("reason", reply_view(call->element[2])));
        reader->settings.on_abandoned(call->element[1]->str, call->element[2]->str,
                                      reader->settings.arg);
    }
}

// Their event came after they had been judged: it waited in an ingress' spool, or at Daily.
static void note_corrected(const struct daily_reader *reader, const redisReply *calls)
{
    for (size_t i = 0; i < calls->elements; i++) {
        const redisReply *call = calls->element[i];
        (*reader->corrected)++;
        log_warning("an event of Daily's came late: its call is never_connected no more",
                    log_view("call_id", reply_view(call->element[0])),
                    log_view("agent", reply_view(call->element[1])),
                    log_view("verdict", reply_view(call->element[2])));
    }
}

static void on_joined(const redisReply *reply, void *arg)
{
    struct daily_reader *reader = arg;
    scripts_look_at(reader->scripts, reply);
    if (reply_has_shape(reply, "(n[s][(sss)][(sss)])")) {
        const redisReply *agents = reply->element[1];
        note_abandoned(reader, reply->element[2]);
        note_corrected(reader, reply->element[3]);
        *reader->joined += (uint64_t)reply->element[0]->integer;
        for (size_t i = 0; i < agents->elements && !reader->is_stopped; i++) {
            lines_admit_if_any(reader->lines, agents->element[i]->str);
        }
        look_after(reader, reader->taken == DAILY_READER_EVENTS_MAX ? DAILY_READER_MORE_MS
                                                                    : DAILY_READER_LOOK_MS);
        return;
    }
    if (reply_is_error(reply)) {
        log_error("Daily's events cannot be joined",
                  log_text("error", scripts_error(reader->scripts, reply)));
    }
    look_after(reader, DAILY_READER_JUDGE_MS);
}

static void note_malformed(struct daily_reader *reader, struct bytes_view entry, const char *reason)
{
    uint64_t now_ms = loop_now_ms();
    (*reader->unusable)++;
    reader->malformed++;
    if (now_ms >= reader->log_at_ms) {
        log_warning("genuine events of Daily's that cannot be read", log_view("entry", entry),
                    log_text("reason", reason), log_number("count", (int64_t)reader->malformed));
        reader->malformed = 0;
        reader->log_at_ms = now_ms + DAILY_READER_LOG_MS;
    }
}

// If `received_ms` is missing, the time in the entry's id.
static uint64_t received_ms_of(const redisReply *row)
{
    uint64_t ms = view_number(reply_field(row->element[1], "received_ms"));
    return ms > 0 ? ms : strtoull(row->element[0]->str, NULL, 10);
}

// The arguments of one event in join.lua; nothing if it tells nothing of a call.
static size_t add_event(struct daily_reader *reader, const redisReply *row, struct bytes *args)
{
    struct daily_event event;
    char at_ms[REDIS_NUMBER_BYTES];
    const redisReply *fields = row->element[1];
    const struct bytes_view entry = reply_view(row->element[0]);
    const char *reason = NULL;
    if (!daily_event_read(&event, reply_field(fields, "body"), reply_field(fields, "timestamp"),
                          received_ms_of(row), &reason)) {
        note_malformed(reader, entry, reason);
        return 0;
    }
    if (!event.name) {
        (*reader->ignored)++;
        return 0;
    }
    const struct bytes_view words[] = {
        entry,
        view_of_text(event.id),
        view_of_text(event.name),
        view_of_text(event.about),
        redis_number(at_ms, event.at_ms),
        view_of_text(event.error),
        view_of_text(event.room),
    };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        redis_arg_append(args, words[i]);
    }
    return sizeof words / sizeof words[0];
}

static bool join(struct daily_reader *reader, const redisReply *rows)
{
    struct bytes args;
    char count[REDIS_NUMBER_BYTES];
    size_t arg_count = 1 + rows->elements;
    bytes_init(&args, ARGS_BYTES_MAX);
    redis_arg_append(&args, redis_number(count, rows->elements));
    for (size_t i = 0; i < rows->elements; i++) {
        redis_arg_append(&args, reply_view(rows->element[i]->element[0]));
    }
    for (size_t i = 0; i < rows->elements; i++) {
        arg_count += add_event(reader, rows->element[i], &args);
    }
    bool is_sent = scripts_send_args(reader->scripts, SCRIPT_JOIN, arg_count, bytes_view(&args),
                                     on_joined, reader);
    bytes_release(&args);
    return is_sent;
}

// --- reading ------------------------------------------------------------------------------------

static void on_taken(const redisReply *reply, void *arg)
{
    struct daily_reader *reader = arg;
    scripts_look_at(reader->scripts, reply);
    if (!reply_has_shape(reply, "(" REPLY_ROWS "n)") ||
        reply->element[0]->elements > DAILY_READER_EVENTS_MAX) {
        if (reply_is_error(reply)) {
            log_error("Daily's events cannot be read",
                      log_text("error", scripts_error(reader->scripts, reply)));
        }
        look_after(reader, DAILY_READER_JUDGE_MS);
        return;
    }
    const redisReply *rows = reply->element[0];
    reader->taken = rows->elements;
    if (reply->element[1]->integer > 0) {
        log_error("events of Daily's were given up: each attempt to join them failed",
                  log_number("count", reply->element[1]->integer));
    }
    if (reader->is_claiming && rows->elements > 0) {
        reader->claim_at_ms = 0; // there may be more
    }
    if (rows->elements == 0 || !join(reader, rows)) {
        look_after(reader, DAILY_READER_LOOK_MS);
    }
}

static void look(void *arg)
{
    struct daily_reader *reader = arg;
    char most[REDIS_NUMBER_BYTES], again_ms[REDIS_NUMBER_BYTES];
    size_t room = stream_reader_room(reader->calls);
    uint64_t now_ms = loop_now_ms();
    loop_timer_start(reader->look, DAILY_READER_LOOK_MS);
    if (reader->is_reading || reader->is_stopped || room == 0) {
        return;
    }
    reader->is_claiming = now_ms >= reader->claim_at_ms;
    const struct bytes_view argv[] = {
        redis_number(most, room < DAILY_READER_EVENTS_MAX ? room : DAILY_READER_EVENTS_MAX),
        redis_number(again_ms, reader->is_claiming ? DAILY_READER_AGAIN_MS : 0)};
    reader->is_reading =
        scripts_send(reader->scripts, SCRIPT_TAKE_EVENTS, 2, argv, on_taken, reader);
    if (reader->is_reading && reader->is_claiming) {
        reader->claim_at_ms = now_ms + DAILY_READER_CLAIM_MS;
    }
}

// --- judging ------------------------------------------------------------------------------------

static void report_silence(uint64_t since_ms)
{
    char since[REDIS_NUMBER_BYTES];
    log_error("no event of Daily's comes any more, so that nobody can say whether callers reach "
              "their bots: register the domain's webhook again (Daily ends it after three answers "
              "that were not 200), and check DAILY_WEBHOOK_SECRET",
              log_view("since_ms", redis_number(since, since_ms)));
}

static void on_judged(const redisReply *reply, void *arg)
{
    struct daily_reader *reader = arg;
    reader->is_judging = false;
    scripts_look_at(reader->scripts, reply);
    if (!reply_has_shape(reply, "([(ssss)]n((si)(si)(si)(si)))")) {
        if (reply_is_error(reply)) {
            log_error("calls cannot be judged by Daily's events",
                      log_text("error", scripts_error(reader->scripts, reply)));
        }
        return;
    }
    for (size_t i = 0; i < reply->element[0]->elements; i++) {
        const redisReply *call = reply->element[0]->element[i];
        (*reader->never_connected)++;
        log_error("a bot was started and the caller never reached it: does the bot get "
                  "DAILY_API_KEY, and does it pull the held call into its room?",
                  log_view("call_id", reply_view(call->element[0])),
                  log_view("entry", reply_view(call->element[1])),
                  log_view("agent", reply_view(call->element[2])),
                  log_view("room_url", reply_view(call->element[3])));
    }
    if (reply->element[1]->integer > 0) {
        report_silence((uint64_t)reply->element[1]->integer);
    }
    for (size_t i = 0; i < 4; i++) {
        *reader->verdicts[i] = reply->element[2]->element[i]->element[1]->integer;
    }
}

static void judge(void *arg)
{
    struct daily_reader *reader = arg;
    char within_ms[REDIS_NUMBER_BYTES], most[REDIS_NUMBER_BYTES];
    loop_timer_start(reader->judge, DAILY_READER_JUDGE_MS);
    const struct bytes_view argv[] = {redis_number(within_ms, reader->settings.connect_limit_ms),
                                      redis_number(most, DAILY_READER_JUDGED_MAX)};
    if (!reader->is_judging && !reader->is_stopped && loop_now_ms() >= reader->judges_from_ms) {
        reader->is_judging =
            scripts_send(reader->scripts, SCRIPT_JUDGE, 2, argv, on_judged, reader);
    }
}

// Events that came meanwhile are in the ingresses' spools, behind the calls.
void daily_reader_on_up(struct daily_reader *reader)
{
    if (reader->was_up) {
        reader->judges_from_ms = loop_now_ms() + DAILY_READER_SETTLE_MS;
    }
    reader->was_up = true;
}

// --- opening and closing ------------------------------------------------------------------------

static void open_metrics(struct daily_reader *reader, struct metrics *metrics)
{
    static const char EVENTS[] = "dialin_daily_events_read_total";
    static const char EVENTS_HELP[] = "Daily's events that this worker has read.";
    static const char VERDICTS[] = "dialin_verdicts";
    static const char VERDICTS_HELP[] =
        "Started calls by what Daily's events say of their callers.";
    reader->joined = metrics_counter(metrics, EVENTS, EVENTS_HELP, "result=\"joined\"");
    reader->ignored = metrics_counter(metrics, EVENTS, EVENTS_HELP, "result=\"other\"");
    reader->unusable = metrics_counter(metrics, EVENTS, EVENTS_HELP, "result=\"malformed\"");
    reader->never_connected =
        metrics_counter(metrics, "dialin_never_connected_total",
                        "Calls judged: their bot was started and their caller never reached it.", NULL);
    reader->corrected = metrics_counter(metrics, "dialin_never_connected_corrected_total",
                                        "Of these, calls of which an event came late, so that "
                                        "the verdict was corrected.",
                                        NULL);
    static const char *const LABELS[] = {"verdict=\"connected\"", "verdict=\"ended\"",
                                         "verdict=\"failed\"", "verdict=\"never_connected\""};
    for (size_t i = 0; i < 4; i++) {
        reader->verdicts[i] = metrics_gauge(metrics, VERDICTS, VERDICTS_HELP, LABELS[i]);
    }
}

struct daily_reader *daily_reader_open(struct loop *loop, struct scripts *scripts,
                                       struct stream_reader *calls, struct lines *lines,
                                       const struct daily_reader_settings *settings,
                                       struct metrics *metrics)
{
    struct daily_reader *reader = memory_zeroed(sizeof *reader);
    reader->settings = *settings;
    reader->scripts = scripts;
    reader->calls = calls;
    reader->lines = lines;
    open_metrics(reader, metrics);
    reader->look = loop_timer_open(loop, look, reader);
    reader->judge = loop_timer_open(loop, judge, reader);
    loop_timer_start(reader->look, DAILY_READER_LOOK_MS);
    loop_timer_start(reader->judge, DAILY_READER_JUDGE_MS);
    return reader;
}

void daily_reader_stop(struct daily_reader *reader)
{
    reader->is_stopped = true;
}

void daily_reader_close(struct daily_reader *reader)
{
    loop_timer_close(reader->look);
    loop_timer_close(reader->judge);
    free(reader);
}
