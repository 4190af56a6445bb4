// Passes a call's data to the two scripts, and reads their verdicts. If Redis
// replies with anything but a verdict, the step is sent again: both scripts recognise a
// repetition.
#include "record.h"

#include "log.h"
#include "memory.h"
#include "redis_command.h"
#include "redis_keys.h"
#include "script_batch.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define COMPLAIN_EVERY 1000
#define CALL_WORDS 12 // worker/record/call.lua names them
#define BEGIN_ARGS (CALL_WORDS + 9)
#define BEGIN_WAITS_MAX 1
#define FINISH_ARGS (CALL_WORDS + OUTCOME_FIELDS_COUNT)

struct record {
    struct scripts *scripts;
    struct redis_replicas *replicas; // NULL: Redis alone is enough
    struct script_batch *begin, *finish;
    uint64_t errors;
};

struct step {
    struct record *record;
    record_on_verdict *on_verdict;
    void *arg;
    enum record_verdict without_group; // the stream or its group is gone
};

static enum record_verdict verdict_of(struct bytes_view name)
{
    static const struct {
        const char *name;
        enum record_verdict verdict;
    } TABLE[] = {
        {"go", RECORD_GO},
        {"duplicate", RECORD_DUPLICATE},
        {"finished", RECORD_FINISHED},
        {"line", RECORD_LINED_UP},
        {"suspect", RECORD_SUSPECT},
        {"busy", RECORD_BUSY},
        {"poison", RECORD_POISON},
        {"lost", RECORD_LOST},
        {"recorded", RECORD_DONE},
        {"elsewhere", RECORD_ELSEWHERE},
        {"declined", RECORD_DECLINED},
        {"look", RECORD_LOOK},
        {"served", RECORD_SERVED},
        {"started", RECORD_STARTED},
        {"abandoned", RECORD_ABANDONED},
        {"unknown", RECORD_UNKNOWN},
        {"not_yet", RECORD_NOT_YET},
        {"rejected", RECORD_REJECTED},
        {"again", RECORD_AGAIN},
    };
    for (size_t i = 0; i < sizeof TABLE / sizeof TABLE[0]; i++) {
        if (view_equal_text(name, TABLE[i].name)) {
            return TABLE[i].verdict;
        }
    }
    return RECORD_UNAVAILABLE;
}

// "go 2 1", or of `finish` one word only.
static enum record_verdict read_verdict(const char *text, unsigned *attempt, unsigned *failures)
{
    size_t name_len = strcspn(text, " ");
    char *behind = NULL;
    *attempt = (unsigned)strtoul(text + name_len, &behind, 10);
    *failures = (unsigned)strtoul(behind, NULL, 10);
    return verdict_of((struct bytes_view){text, name_len});
}

static void on_reply(const redisReply *reply, void *arg)
{
    struct step step = *(struct step *)arg;
    enum record_verdict verdict = RECORD_UNAVAILABLE;
    unsigned attempt = 0, failures = 0;
    free(arg);
    if (reply && reply->type == REDIS_REPLY_STRING) {
        verdict = read_verdict(reply->str, &attempt, &failures);
    } else if (reply && redis_error_of(reply) == REDIS_NOGROUP) {
        verdict = step.without_group;
    } else if (reply && reply->type == REDIS_REPLY_ERROR &&
               step.record->errors++ % COMPLAIN_EVERY == 0) {
        log_error("Redis refuses a record",
                  log_text("error", scripts_error(step.record->scripts, reply)));
    }
    step.on_verdict(verdict, attempt, failures, step.arg);
}

// The arguments of a step, in the order in which the scripts name them.
struct arg_list {
    struct bytes_view arg[FINISH_ARGS];
    size_t count;
    char received_ms[REDIS_NUMBER_BYTES], deadline_ms[REDIS_NUMBER_BYTES],
        score[REDIS_NUMBER_BYTES], next_ms[REDIS_NUMBER_BYTES];
};

static void add(struct arg_list *arg_list, struct bytes_view arg)
{
    assert(arg_list->count < FINISH_ARGS);
    arg_list->arg[arg_list->count++] = arg;
}

// By when the call rang; with a priority, as if it had rung that much earlier.
static uint64_t score_of(const struct record_call *call)
{
    uint64_t behind_ms = call->kind == WEBHOOK_DIALOUT ? REDIS_DIALOUTS_AFTER_DIALINS : 0;
    uint64_t early_ms = call->priority_ms < call->rang_ms ? call->priority_ms : 0;
    return call->rang_ms - early_ms + behind_ms;
}

// The arguments that both steps have in common; they point into `words` itself.
static void describe(const struct record_call *call, struct arg_list *arg_list)
{
    arg_list->count = 0;
    add(arg_list, call->entry_id);
    add(arg_list, call->call_id);
    add(arg_list, view_of_text(webhook_kind_name(call->kind)));
    add(arg_list, view_of_text(call->from));
    add(arg_list, view_of_text(call->to));
    add(arg_list, view_of_text(call->agent));
    add(arg_list, redis_number(arg_list->received_ms, call->received_ms));
    add(arg_list, call->sha256);
    add(arg_list, redis_number(arg_list->score, score_of(call)));
    add(arg_list, redis_number(arg_list->deadline_ms, call->deadline_ms));
    add(arg_list, view_of_text(call->route));
    add(arg_list, call->next_ms ? redis_number(arg_list->next_ms, call->next_ms) : VIEW(""));
}

static bool send(struct record *record, struct script_batch *steps, const struct arg_list *arg_list,
                 record_on_verdict *on_verdict, void *arg)
{
    struct step *step = memory_zeroed(sizeof *step);
    // An entry that is to begin is gone with its group, or comes again with the next one; but what
    // became of a request is recorded once the group is there again.
    enum record_verdict without_group = steps == record->finish ? RECORD_NO_GROUP : RECORD_LOST;
    *step = (struct step){record, on_verdict, arg, without_group};
    if (!script_batch_add(steps, arg_list->arg, on_reply, step)) {
        free(step);
        return false;
    }
    return true;
}

bool record_begin(struct record *record, const struct record_call *call, const char *token,
                  unsigned deaths_max, record_on_verdict *on_verdict, void *arg)
{
    if (record->replicas && redis_replicas_are_missing(record->replicas)) {
        return false;
    }
    struct arg_list arg_list;
    char deaths[REDIS_NUMBER_BYTES], step[REDIS_NUMBER_BYTES], out_max[REDIS_NUMBER_BYTES];
    describe(call, &arg_list);
    add(&arg_list, view_of_text(token));
    add(&arg_list, redis_number(deaths, deaths_max));
    add(&arg_list, redis_number(step, call->step));
    add(&arg_list, view_of_text(call->why_moved));
    add(&arg_list, redis_number(out_max, call->out_max));
    add(&arg_list, view_of_text(call->limit));
    add(&arg_list, view_of_text(call->lookup));
    add(&arg_list, view_of_text(call->callback));
    add(&arg_list, view_of_text(call->room_url));
    assert(arg_list.count == BEGIN_ARGS);
    return send(record, record->begin, &arg_list, on_verdict, arg);
}

bool record_finish(struct record *record, const struct record_call *call,
                   const struct outcome *outcome, record_on_verdict *on_verdict, void *arg)
{
    struct arg_list arg_list;
    struct outcome_args args;
    describe(call, &arg_list);
    outcome_to_args(outcome, &args);
    for (size_t i = 0; i < OUTCOME_FIELDS_COUNT; i++) {
        add(&arg_list, args.view[i]);
    }
    assert(arg_list.count == FINISH_ARGS);
    return send(record, record->finish, &arg_list, on_verdict, arg);
}

struct record *record_open(struct loop *loop, struct scripts *scripts,
                           struct redis_replicas *replicas, const struct record_settings *settings)
{
    struct record *record = memory_zeroed(sizeof *record);
    char poison[REDIS_NUMBER_BYTES], request_ms[REDIS_NUMBER_BYTES], grace[REDIS_NUMBER_BYTES];
    record->scripts = scripts;
    record->replicas = replicas;
    const struct bytes_view argv[] = {
        view_of_text(settings->consumer),
        redis_number(poison, RECORD_DEATHS_MAX),
        redis_number(request_ms, settings->request_ms_max),
    };
    record->begin = script_batch_open(loop, scripts, SCRIPT_BEGIN, BEGIN_ARGS,
                                      sizeof argv / sizeof argv[0], argv);
    const struct bytes_view finish_argv[] = {argv[0], view_of_text(OUTCOME_FIELD_NAMES),
                                             redis_number(grace, settings->grace_ms)};
    record->finish = script_batch_open(loop, scripts, SCRIPT_FINISH, FINISH_ARGS,
                                       sizeof finish_argv / sizeof finish_argv[0], finish_argv);
    script_batch_wait_for(record->begin, replicas, BEGIN_WAITS_MAX);
    script_batch_wait_for(record->finish, replicas, 0);
    return record;
}

void record_close(struct record *record)
{
    script_batch_close(record->begin);
    script_batch_close(record->finish);
    free(record);
}
