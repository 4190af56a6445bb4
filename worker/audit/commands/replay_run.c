// See replay_run.h. A second database, with the replay's prefix, reads its outcomes.
#include "replay_run.h"

#include "audit_script.h"
#include "interrupt.h"
#include "loop.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define LOOK_MS 200
#define REPLAY_KEYS "3" // those of every script, and the stream to which it goes
#define SLACK_MS 30000  // after the end of the last hold and its request
#define US_PER_MS 1000
#define MS_PER_S 1000

bool replay_run_init(struct replay_run *run, struct audit *audit, uint64_t total)
{
    const struct bytes_view load[] = {VIEW("SCRIPT"), VIEW("LOAD"), audit_script_replay()};
    uint32_t serial = 0;
    const char *prefix = database_prefix(audit->database);
    *run = (struct replay_run){.audit = audit, .total = total};
    progress_init(&run->progress, false);
    if (audit->options->live) {
        snprintf(run->prefix, sizeof run->prefix, "%s", prefix);
    } else {
        if (getrandom(&serial, sizeof serial, 0) != sizeof serial) {
            serial = (uint32_t)loop_now_us();
        }
        snprintf(run->prefix, sizeof run->prefix, "%.128s:replay:%08x", prefix, serial);
    }
    redisReply *digest = database_run(audit->database, audit_script_replay(), 3, load);
    reply_copy(digest, run->script, sizeof run->script);
    freeReplyObject(digest);
    return run->script[0];
}

// --- sending ------------------------------------------------------------------------------------

static uint64_t hold_ms(const struct replay_run *run, enum webhook_kind kind)
{
    return MS_PER_S * audit_settings_hold_s(run->audit->settings, kind);
}

static redisReply *put_through(struct replay_run *run, const struct recorded_call *call)
{
    struct database *database = run->audit->database;
    struct bytes webhooks_there;
    char hold[24];
    uint64_t holds_ms = run->audit->options->live ? hold_ms(run, call->webhook.kind) : 0;
    snprintf(hold, sizeof hold, "%" PRIu64, holds_ms);
    redis_key_init(&webhooks_there, run->prefix, REDIS_KEY_WEBHOOKS);
    const struct bytes_view argv[] = {VIEW("EVALSHA"),
                                      view_of_text(run->script),
                                      VIEW(REPLAY_KEYS),
                                      database_key(database, REDIS_KEY_WEBHOOKS, ""),
                                      bytes_view(&webhooks_there),
                                      database_key(database, REDIS_KEY_NEVER, ""),
                                      view_of_text(call->entry),
                                      view_of_text(call->call_id),
                                      view_of_text(hold)};
    redisReply *reply = database_ask(database, sizeof argv / sizeof argv[0], argv);
    bytes_release(&webhooks_there);
    return reply;
}

static uint64_t time_text_of(const struct replay_run *run, const struct recorded_call *call)
{
    double speed = run->audit->options->speed;
    uint64_t after_ms = call->received_ms > run->first_received_ms
                            ? call->received_ms - run->first_received_ms
                            : 0; // a spooled one came into the stream after later ones
    return speed > 0 ? run->begun_us + (uint64_t)((double)(after_ms * US_PER_MS) / speed) : 0;
}

bool replay_send(const struct recorded_call *call, void *arg)
{
    struct replay_run *run = arg;
    if (run->begun_us == 0) {
        run->begun_us = loop_now_us();
        run->first_received_ms = call->received_ms;
    }
    progress_show(&run->progress, "replay", run->sent + run->refused, run->total);
    if (!interrupt_sleep_until(time_text_of(run, call))) {
        return false;
    }
    redisReply *reply = put_through(run, call);
    bool is_answered = reply_has_shape(reply, "(sss)");
    if (is_answered && reply->element[0]->len == 0) {
        run->last = entry_id_of(reply->element[1]->str);
        run->first = run->sent++ == 0 ? run->last : run->first;
        run->has_dialouts = run->has_dialouts || call->webhook.kind == WEBHOOK_DIALOUT;
        run->last_sent_us = loop_now_us();
    } else if (is_answered) {
        run->refused++;
        progress_clear(&run->progress);
        screen_complain("%s was not replayed: %s", call->call_id, reply->element[0]->str);
    }
    freeReplyObject(reply);
    return is_answered;
}

// --- looking at it ------------------------------------------------------------------------------

static struct database *open_record(const struct replay_run *run)
{
    return database_open(&run->audit->settings->redis, run->prefix);
}

static struct selection selection_of(const struct replay_run *run)
{
    return (struct selection){.since_ms = run->first.ms, .until_ms = run->last.ms};
}

struct look {
    const struct replay_run *run;
    uint64_t unfinished;
};

static bool is_ours(const struct replay_run *run, const struct recorded_call *call)
{
    return call->webhook.replay_of.len > 0 && entry_id_compare(call->id, run->first) >= 0 &&
           entry_id_compare(call->id, run->last) <= 0;
}

static bool on_look(const struct recorded_call *call, void *arg)
{
    struct look *look = arg;
    bool is_finished = call->state == RECORDED_STARTED || call->state == RECORDED_DEAD ||
                       call->state == RECORDED_UNKNOWN;
    look->unfinished += is_ours(look->run, call) && !is_finished;
    return true;
}

// Only entries that the group has not finished are read.
static bool look_at(struct replay_run *run, struct database *record, uint64_t *unfinished)
{
    struct look look = {.run = run};
    struct stream_state stream;
    struct selection selection = selection_of(run);
    if (!stream_state_read(record, &stream)) {
        return false;
    }
    if (stream.unfinished_from.ms > selection.since_ms) {
        selection.since_ms = stream.unfinished_from.ms;
    }
    bool is_good = selection.since_ms > selection.until_ms ||
                   record_walk(record, &selection, OLDEST_FIRST, RECORD_NOTHING, on_look, &look);
    *unfinished = look.unfinished;
    return is_good;
}

bool replay_wait(struct replay_run *run, bool (*is_running)(void *arg), void *arg)
{
    uint64_t unfinished = run->sent;
    uint64_t most_ms = hold_ms(run, run->has_dialouts ? WEBHOOK_DIALOUT : WEBHOOK_DIALIN) +
                       run->audit->settings->start_timeout_s * MS_PER_S + SLACK_MS;
    uint64_t end_us = run->last_sent_us + most_ms * US_PER_MS;
    struct database *record = open_record(run);
    bool is_good = record != NULL;
    while (is_good && unfinished > 0 && loop_now_us() < end_us) {
        uint64_t begun_us = loop_now_us();
        is_good = is_running(arg) && look_at(run, record, &unfinished);
        progress_show(&run->progress, "finish", run->sent - unfinished, run->sent);
        uint64_t pause_us = 5 * (loop_now_us() - begun_us) + LOOK_MS * US_PER_MS;
        is_good = is_good && (unfinished == 0 || interrupt_sleep_until(begun_us + pause_us));
    }
    progress_clear(&run->progress);
    database_close(record);
    return is_good && unfinished == 0;
}

// --- comparing ----------------------------------------------------------------------------------

struct comparison {
    struct replay_run *run;
    struct replay_report *report;
    uint64_t first_ms; // when the first one came, in its own record
};

static void add_pace(struct comparison *comparison, const struct recorded_call *call,
                     const redisReply *original)
{
    const struct replay_run *run = comparison->run;
    double speed = run->audit->options->speed;
    uint64_t was_ms = view_number(reply_field(original, "received_ms"));
    if (speed > 0 && was_ms >= run->first_received_ms && !run->audit->options->live) {
        double wanted_ms = (double)(was_ms - run->first_received_ms) / speed;
        double off_ms = (double)(call->received_ms - comparison->first_ms) - wanted_ms;
        replay_report_add_pace(comparison->report, (uint64_t)(off_ms < 0 ? -off_ms : off_ms));
    }
}

static bool on_replayed(const struct recorded_call *call, void *arg)
{
    struct comparison *comparison = arg;
    struct replay_run *run = comparison->run;
    char original[RECORDED_CALL_NAME_BYTES];
    if (!is_ours(run, call)) {
        return true;
    }
    snprintf(original, sizeof original, "%s", call->call_id);
    char *suffix = strrchr(original, '~');
    if (suffix) {
        *suffix = '\0';
    }
    const struct bytes_view argv[] = {VIEW("HGETALL"),
                                      database_key(run->audit->database, REDIS_KEY_CALL, original)};
    redisReply *hash = database_ask(run->audit->database, 2, argv);
    if (hash) {
        comparison->first_ms = comparison->first_ms ? comparison->first_ms : call->received_ms;
        replay_report_add(comparison->report, call, hash);
        add_pace(comparison, call, hash);
        progress_show(&run->progress, "compare", comparison->report->calls, run->sent);
    }
    freeReplyObject(hash);
    return hash;
}

bool replay_compare(struct replay_run *run, struct replay_report *report)
{
    struct comparison comparison = {.run = run, .report = report};
    struct selection selection = selection_of(run);
    struct database *record = open_record(run);
    bool is_good = record && record_walk(record, &selection, OLDEST_FIRST, RECORD_WHOLE,
                                         on_replayed, &comparison);
    progress_clear(&run->progress);
    database_close(record);
    return is_good && !database_is_lost(run->audit->database);
}

// --- leaving nothing for ever -------------------------------------------------------------------

static bool expire(struct database *record, enum redis_key name, const char *rest)
{
    char seconds[24];
    snprintf(seconds, sizeof seconds, "%d", REPLAY_KEPT_S);
    const struct bytes_view argv[] = {VIEW("EXPIRE"), database_key(record, name, rest),
                                      view_of_text(seconds)};
    redisReply *reply = database_ask(record, 3, argv);
    freeReplyObject(reply);
    return reply;
}

static bool on_expire(const struct recorded_call *call, void *arg)
{
    return expire(arg, REDIS_KEY_CALL, call->call_id);
}

bool replay_expire(struct replay_run *run, const char *agent)
{
    static const enum redis_key NAMES[] = {REDIS_KEY_WEBHOOKS, REDIS_KEY_AUDIT, REDIS_KEY_DEAD,
                                           REDIS_KEY_COUNTS,   REDIS_KEY_LOW,   REDIS_KEY_LINES,
                                           REDIS_KEY_HOLDS,    REDIS_KEY_GONE,  REDIS_KEY_MOVES};
    static const enum redis_key OF_AGENT[] = {REDIS_KEY_LINE, REDIS_KEY_PACE, REDIS_KEY_ADMITTED,
                                              REDIS_KEY_OUT};
    const struct selection every = {.until_ms = UINT64_MAX, .with_duplicates = true};
    struct database *record = open_record(run);
    if (!record) {
        return false;
    }
    bool is_good = record_walk(record, &every, OLDEST_FIRST, RECORD_NOTHING, on_expire, record);
    for (uint64_t minute = run->first.ms / REDIS_INDEX_MS; minute <= run->last.ms / REDIS_INDEX_MS;
         minute++) {
        char number[24];
        snprintf(number, sizeof number, "%" PRIu64, minute);
        is_good = is_good && expire(record, REDIS_KEY_INDEX, number);
    }
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        is_good = is_good && expire(record, NAMES[i], "");
    }
    for (size_t i = 0; i < sizeof OF_AGENT / sizeof OF_AGENT[0]; i++) {
        is_good = is_good && expire(record, OF_AGENT[i], agent);
    }
    database_close(record);
    return is_good;
}
