// Builds the keys and arguments of the two scripts and reads their verdicts. Whatever Redis answers
// that is not a verdict leaves the step undone, to be sent again: both scripts recognise a
// repetition.
#include "record.h"

#include "log.h"
#include "memory.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY_BYTES_MAX 512
#define NUMBER_BYTES 24
#define DIALOUTS_BEHIND_DIALINS 4e15 // as a place in the line; a double is exact up to 9e15
#define COMPLAIN_EVERY 1000

struct record {
    struct scripts *scripts;
    const char *consumer;
    const char *prefix;
    struct bytes webhooks, audit, counts, dead; // keys
    struct bytes call, line;                    // keys of the call at hand
    uint64_t errors;
};

struct step {
    struct record *record;
    record_on_verdict *on_verdict;
    void *arg;
};

static void make_key(struct bytes *key, const char *prefix, const char *name)
{
    bytes_init(key, KEY_BYTES_MAX);
    bytes_printf(key, "%s:%s", prefix, name);
}

struct record *record_open(struct scripts *scripts, const char *prefix, const char *consumer)
{
    struct record *record = memory_zeroed(sizeof *record);
    record->scripts = scripts;
    record->consumer = consumer;
    record->prefix = prefix;
    make_key(&record->webhooks, prefix, "webhooks");
    make_key(&record->audit, prefix, "audit");
    make_key(&record->counts, prefix, "counts");
    make_key(&record->dead, prefix, "dead");
    bytes_init(&record->call, KEY_BYTES_MAX);
    bytes_init(&record->line, KEY_BYTES_MAX);
    return record;
}

void record_close(struct record *record)
{
    bytes_release(&record->webhooks);
    bytes_release(&record->audit);
    bytes_release(&record->counts);
    bytes_release(&record->dead);
    bytes_release(&record->call);
    bytes_release(&record->line);
    free(record);
}

static enum record_verdict verdict_of(const char *text)
{
    static const struct {
        const char *text;
        enum record_verdict verdict;
    } TABLE[] = {
        {"go", RECORD_GO},     {"duplicate", RECORD_DUPLICATE}, {"finished", RECORD_FINISHED},
        {"lost", RECORD_LOST}, {"recorded", RECORD_DONE},
    };
    for (size_t i = 0; i < sizeof TABLE / sizeof TABLE[0]; i++) {
        if (!strcmp(TABLE[i].text, text)) {
            return TABLE[i].verdict;
        }
    }
    return RECORD_UNAVAILABLE;
}

static void on_reply(const redisReply *reply, void *arg)
{
    struct step step = *(struct step *)arg;
    enum record_verdict verdict = RECORD_UNAVAILABLE;
    unsigned attempt = 0;
    free(arg);
    scripts_look_at(step.record->scripts, reply);
    if (reply && reply->type == REDIS_REPLY_STRING) {
        verdict = verdict_of(reply->str);
    } else if (reply && reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 &&
               reply->element[0]->type == REDIS_REPLY_STRING) {
        verdict = verdict_of(reply->element[0]->str);
        attempt = (unsigned)reply->element[1]->integer;
    } else if (reply && redis_error_of(reply) == REDIS_NOGROUP) {
        verdict = RECORD_LOST; // the stream or its group is gone, and the entry with it
    } else if (reply && reply->type == REDIS_REPLY_ERROR &&
               step.record->errors++ % COMPLAIN_EVERY == 0) {
        log_error("Redis refuses a record", log_text("error", reply->str));
    }
    step.on_verdict(verdict, attempt, step.arg);
}

static bool send(struct record *record, enum script_name name, size_t key_count,
                 const struct bytes_view *keys, size_t argc, const struct bytes_view *argv,
                 record_on_verdict *on_verdict, void *arg)
{
    struct step *step = memory_zeroed(sizeof *step);
    *step = (struct step){record, on_verdict, arg};
    if (!scripts_send(record->scripts, name, key_count, keys, argc, argv, on_reply, step)) {
        free(step);
        return false;
    }
    return true;
}

static void name_call(struct record *record, const struct record_call *call)
{
    bytes_clear(&record->call);
    bytes_clear(&record->line);
    bytes_printf(&record->call, "%s:call:%.*s", record->prefix, (int)call->call_id.len,
                 call->call_id.data);
    bytes_printf(&record->line, "%s:line:%s", record->prefix, call->agent);
}

static struct bytes_view number(char text[NUMBER_BYTES], uint64_t value)
{
    snprintf(text, NUMBER_BYTES, "%llu", (unsigned long long)value);
    return view_of_text(text);
}

bool record_begin(struct record *record, const struct record_call *call, const char *token,
                  record_on_verdict *on_verdict, void *arg)
{
    char received_ms[NUMBER_BYTES];
    name_call(record, call);
    const struct bytes_view keys[] = {bytes_view(&record->webhooks), bytes_view(&record->call),
                                      bytes_view(&record->audit), bytes_view(&record->counts)};
    const struct bytes_view argv[] = {
        call->entry_id,
        view_of_text(record->consumer),
        call->call_id,
        view_of_text(token),
        view_of_text(webhook_kind_name(call->kind)),
        view_of_text(call->from),
        view_of_text(call->to),
        view_of_text(call->agent),
        number(received_ms, call->received_ms),
        call->sha256,
    };
    return send(record, SCRIPT_BEGIN, sizeof keys / sizeof keys[0], keys,
                sizeof argv / sizeof argv[0], argv, on_verdict, arg);
}

static const char *outcome_text(enum record_outcome_name name)
{
    switch (name) {
    case RECORD_STARTED:
        return "started";
    case RECORD_DEAD:
        return "dead";
    case RECORD_LINE:
        return "line";
    case RECORD_AGAIN:
        return "again";
    }
    return "";
}

bool record_finish(struct record *record, const struct record_call *call,
                   const struct record_outcome *outcome, record_on_verdict *on_verdict, void *arg)
{
    char attempt[NUMBER_BYTES], status[NUMBER_BYTES], latency_ms[NUMBER_BYTES];
    char received_ms[NUMBER_BYTES], place[NUMBER_BYTES];
    name_call(record, call);
    snprintf(place, sizeof place, "%.0f",
             (double)call->received_ms +
                 (call->kind == WEBHOOK_DIALOUT ? DIALOUTS_BEHIND_DIALINS : 0));
    const struct bytes_view keys[] = {bytes_view(&record->webhooks), bytes_view(&record->call),
                                      bytes_view(&record->audit),    bytes_view(&record->counts),
                                      bytes_view(&record->dead),     bytes_view(&record->line)};
    const struct bytes_view argv[] = {
        call->entry_id,
        view_of_text(record->consumer),
        call->call_id,
        view_of_text(outcome_text(outcome->name)),
        view_of_text(outcome->reason),
        view_of_text(outcome->error),
        number(attempt, outcome->attempt),
        outcome->http_status ? number(status, outcome->http_status) : VIEW(""),
        number(latency_ms, outcome->latency_ms),
        outcome->request,
        outcome->response,
        outcome->session_id,
        outcome->room_url,
        view_of_text(webhook_kind_name(call->kind)),
        view_of_text(call->from),
        view_of_text(call->to),
        view_of_text(call->agent),
        number(received_ms, call->received_ms),
        call->sha256,
        view_of_text(place),
    };
    return send(record, SCRIPT_FINISH, sizeof keys / sizeof keys[0], keys,
                sizeof argv / sizeof argv[0], argv, on_verdict, arg);
}
