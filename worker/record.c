// Builds the keys and arguments of the two scripts and reads their verdicts. Whatever Redis answers
// that is not a verdict leaves the step undone, to be sent again: both scripts recognise a
// repetition.
#include "record.h"

#include "log.h"
#include "memory.h"
#include "redis_words.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIALOUTS_BEHIND_DIALINS                                                                    \
    4000000000000000 // as a place in the line; a double is exact up to 9e15
#define COMPLAIN_EVERY 1000

struct record {
    struct scripts *scripts;
    const char *consumer;
    const char *prefix;
    struct bytes webhooks, audit, counts, dead, lines, holds; // keys
    struct bytes leases;                                      // the first part of a lease's key
    uint64_t request_ms_max;
    struct bytes call, line, pace, asking; // keys of the call at hand
    uint64_t errors;
};

struct step {
    struct record *record;
    record_on_verdict *on_verdict;
    void *arg;
};

struct record *record_open(struct scripts *scripts, const char *prefix, const char *consumer,
                           uint64_t request_ms_max)
{
    struct record *record = memory_zeroed(sizeof *record);
    record->scripts = scripts;
    record->consumer = consumer;
    record->prefix = prefix;
    redis_key_init(&record->webhooks, prefix, "webhooks");
    redis_key_init(&record->audit, prefix, "audit");
    redis_key_init(&record->counts, prefix, "counts");
    redis_key_init(&record->dead, prefix, "dead");
    redis_key_init(&record->lines, prefix, "lines");
    redis_key_init(&record->holds, prefix, "holds");
    redis_key_init(&record->leases, prefix, "worker:");
    record->request_ms_max = request_ms_max;
    redis_key_init_empty(&record->call);
    redis_key_init_empty(&record->line);
    redis_key_init_empty(&record->pace);
    redis_key_init_empty(&record->asking);
    return record;
}

void record_close(struct record *record)
{
    bytes_release(&record->webhooks);
    bytes_release(&record->audit);
    bytes_release(&record->counts);
    bytes_release(&record->dead);
    bytes_release(&record->lines);
    bytes_release(&record->holds);
    bytes_release(&record->leases);
    bytes_release(&record->call);
    bytes_release(&record->line);
    bytes_release(&record->pace);
    bytes_release(&record->asking);
    free(record);
}

static enum record_verdict verdict_of(const char *text)
{
    static const struct {
        const char *text;
        enum record_verdict verdict;
    } TABLE[] = {
        {"go", RECORD_GO},         {"duplicate", RECORD_DUPLICATE}, {"finished", RECORD_FINISHED},
        {"line", RECORD_LINED_UP}, {"suspect", RECORD_SUSPECT},     {"busy", RECORD_BUSY},
        {"deadly", RECORD_DEADLY}, {"lost", RECORD_LOST},           {"recorded", RECORD_DONE},
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
    unsigned attempt = 0, failures = 0;
    free(arg);
    scripts_look_at(step.record->scripts, reply);
    if (reply && reply->type == REDIS_REPLY_STRING) {
        verdict = verdict_of(reply->str);
    } else if (reply && reply->type == REDIS_REPLY_ARRAY && reply->elements == 3 &&
               reply->element[0]->type == REDIS_REPLY_STRING) {
        verdict = verdict_of(reply->element[0]->str);
        attempt = (unsigned)reply->element[1]->integer;
        failures = (unsigned)reply->element[2]->integer;
    } else if (reply && redis_error_of(reply) == REDIS_NOGROUP) {
        verdict = RECORD_LOST; // the stream or its group is gone, and the entry with it
    } else if (reply && reply->type == REDIS_REPLY_ERROR &&
               step.record->errors++ % COMPLAIN_EVERY == 0) {
        log_error("Redis refuses a record", log_text("error", reply->str));
    }
    step.on_verdict(verdict, attempt, failures, step.arg);
}

// The keys and the first arguments are the same for both steps: worker/scripts/call.lua names them.
#define CALL_KEYS 10
#define CALL_ARGUMENTS 11

struct command {
    struct bytes_view keys[CALL_KEYS];
    struct bytes_view argv[REDIS_ARGUMENTS_MAX];
    size_t argc;
    char received_ms[REDIS_NUMBER_BYTES], deadline_ms[REDIS_NUMBER_BYTES],
        place[REDIS_NUMBER_BYTES];
};

static void add(struct command *command, struct bytes_view argument)
{
    assert(command->argc < REDIS_ARGUMENTS_MAX);
    command->argv[command->argc++] = argument;
}

static void name_keys(struct record *record, const struct record_call *call,
                      struct command *command)
{
    const struct bytes_view agent = view_of_text(call->agent);
    redis_key_set(&record->call, record->prefix, "call", call->call_id);
    redis_key_set(&record->line, record->prefix, "line", agent);
    redis_key_set(&record->pace, record->prefix, "pace", agent);
    redis_key_set(&record->asking, record->prefix, "asking", agent);
    const struct bytes *const keys[CALL_KEYS] = {
        &record->webhooks, &record->call, &record->audit,  &record->counts, &record->dead,
        &record->line,     &record->pace, &record->asking, &record->lines,  &record->holds};
    for (size_t i = 0; i < CALL_KEYS; i++) {
        command->keys[i] = bytes_view(keys[i]);
    }
}

// Fills what both steps have in common; `command` is borrowed from by its own arguments.
static void describe(struct record *record, const struct record_call *call, struct command *command)
{
    command->argc = 0;
    name_keys(record, call, command);
    uint64_t behind_ms = call->kind == WEBHOOK_DIALOUT ? DIALOUTS_BEHIND_DIALINS : 0;
    add(command, call->entry_id);
    add(command, view_of_text(record->consumer));
    add(command, call->call_id);
    add(command, view_of_text(webhook_kind_name(call->kind)));
    add(command, view_of_text(call->from));
    add(command, view_of_text(call->to));
    add(command, view_of_text(call->agent));
    add(command, redis_number(command->received_ms, call->received_ms));
    add(command, call->sha256);
    add(command, redis_number(command->place, call->received_ms + behind_ms));
    add(command, redis_number(command->deadline_ms, call->deadline_ms));
    assert(command->argc == CALL_ARGUMENTS);
}

static bool send(struct record *record, enum script_name name, const struct command *command,
                 record_on_verdict *on_verdict, void *arg)
{
    struct step *step = memory_zeroed(sizeof *step);
    *step = (struct step){record, on_verdict, arg};
    if (!scripts_send(record->scripts, name, CALL_KEYS, command->keys, command->argc, command->argv,
                      on_reply, step)) {
        free(step);
        return false;
    }
    return true;
}

bool record_begin(struct record *record, const struct record_call *call, const char *token,
                  unsigned deaths_max, record_on_verdict *on_verdict, void *arg)
{
    struct command command;
    char deaths[REDIS_NUMBER_BYTES], deadly[REDIS_NUMBER_BYTES], request_ms[REDIS_NUMBER_BYTES];
    describe(record, call, &command);
    add(&command, view_of_text(token));
    add(&command, redis_number(deaths, deaths_max));
    add(&command, redis_number(deadly, RECORD_DEATHS_MAX));
    add(&command, redis_number(request_ms, record->request_ms_max));
    add(&command, bytes_view(&record->leases));
    return send(record, SCRIPT_BEGIN, &command, on_verdict, arg);
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
    struct command command;
    char attempt[REDIS_NUMBER_BYTES], status[REDIS_NUMBER_BYTES], latency_ms[REDIS_NUMBER_BYTES];
    char failures[REDIS_NUMBER_BYTES], told_ms[REDIS_NUMBER_BYTES], again_ms[REDIS_NUMBER_BYTES];
    describe(record, call, &command);
    add(&command, view_of_text(outcome_text(outcome->name)));
    add(&command, view_of_text(outcome->reason));
    add(&command, view_of_text(outcome->error));
    add(&command, redis_number(attempt, outcome->attempt));
    add(&command, outcome->http_status ? redis_number(status, outcome->http_status) : VIEW(""));
    add(&command, redis_number(latency_ms, outcome->latency_ms));
    add(&command, outcome->request);
    add(&command, outcome->response);
    add(&command, outcome->session_id);
    add(&command, outcome->room_url);
    add(&command, redis_number(failures, outcome->failures));
    add(&command, redis_number(told_ms, outcome->told_ms));
    add(&command, outcome->name == RECORD_LINE || outcome->has_line ? VIEW("1") : VIEW("0"));
    add(&command, redis_number(again_ms, outcome->again_after_ms));
    return send(record, SCRIPT_FINISH, &command, on_verdict, arg);
}
