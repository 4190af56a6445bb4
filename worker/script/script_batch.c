// See script_batch.h. A run is filled, waits for the end of the turn, and is kept until its reply
// comes: its words are needed again if the run fails.
#include "script_batch.h"

#include "memory.h"
#include "redis_command.h"

#include <assert.h>
#include <stdlib.h>

#define SPARE_MAX 8

struct step {
    size_t end; // of its words in the run; they begin at the end of the step before
    redis_on_reply *on_verdict;
    void *arg;
};

struct run {
    struct run *next;
    struct script_batch *batch;
    redisReply *reply; // while it waits for replicas; owned
    struct bytes args; // as on the wire: the script's own arguments, and every step's
    size_t count;
    struct step step[SCRIPT_BATCH_STEPS_MAX];
};

struct script_batch {
    struct scripts *scripts;
    struct redis_replicas *replicas; // NULL: Redis alone is enough
    unsigned waits_max;
    enum script_name name;
    size_t args_each;
    struct bytes head; // the words in front of the steps
    size_t head_count;
    struct loop_hook *hook;
    struct run *first, *last; // wait for the end of the turn
    struct run *spare;
    size_t spare_count;
};

// --- batches ------------------------------------------------------------------------------------

static struct run *take_run(struct script_batch *batch)
{
    struct run *run = batch->spare;
    if (run) {
        batch->spare = run->next;
        batch->spare_count--;
    } else {
        run = memory_zeroed(sizeof *run);
        run->batch = batch;
        bytes_init(&run->args, REDIS_COMMAND_BYTES_MAX);
    }
    run->next = NULL;
    run->count = 0;
    bytes_clear(&run->args);
    bytes_append_view(&run->args, bytes_view(&batch->head));
    return run;
}

static void free_run(struct run *run)
{
    bytes_release(&run->args);
    free(run);
}

static void give_back(struct run *run)
{
    struct script_batch *batch = run->batch;
    if (batch->spare_count == SPARE_MAX || run->args.capacity > 2 * SCRIPT_BATCH_BYTES_MAX) {
        free_run(run);
        return;
    }
    run->next = batch->spare;
    batch->spare = run;
    batch->spare_count++;
}

// --- sending and answering ----------------------------------------------------------------------

static void on_answer(const redisReply *reply, void *arg);

static bool send(struct run *run)
{
    struct script_batch *batch = run->batch;
    return scripts_send_args(batch->scripts, batch->name,
                             batch->head_count + run->count * batch->args_each,
                             bytes_view(&run->args), on_answer, run);
}

static void answer_all(struct run *run, const redisReply *reply)
{
    bool is_each = reply && reply->type == REDIS_REPLY_ARRAY && reply->elements == run->count;
    bool is_error = reply && reply->type == REDIS_REPLY_ERROR;
    for (size_t i = 0; i < run->count; i++) {
        const struct step *step = &run->step[i];
        step->on_verdict(is_each ? reply->element[i] : is_error ? reply : NULL, step->arg);
    }
    give_back(run);
}

// One bad step fails the whole run; earlier steps have taken effect and recognise the repeat.
static void send_each_alone(struct run *run)
{
    size_t begin = run->batch->head.len;
    for (size_t i = 0; i < run->count; i++) {
        struct run *alone = take_run(run->batch);
        struct step *step = &alone->step[alone->count++];
        *step = run->step[i];
        bytes_append(&alone->args, run->args.data + begin, step->end - begin);
        begin = step->end;
        step->end = alone->args.len;
        if (!send(alone)) {
            answer_all(alone, NULL);
        }
    }
    give_back(run);
}

static void on_replicas(bool have_it, void *arg)
{
    struct run *run = arg;
    redisReply *reply = run->reply;
    run->reply = NULL;
    answer_all(run, have_it ? reply : NULL);
    freeReplyObject(reply);
}

static void on_answer(const redisReply *reply, void *arg)
{
    struct run *run = arg;
    struct script_batch *batch = run->batch;
    scripts_look_at(batch->scripts, reply);
    if (reply && reply->type == REDIS_REPLY_ERROR && run->count > 1) {
        send_each_alone(run);
    } else if (batch->replicas && reply_is_list(reply)) {
        scripts_keep_reply(batch->scripts);
        run->reply = (redisReply *)(uintptr_t)reply;
        redis_replicas_wait(batch->replicas, batch->waits_max, on_replicas, run);
    } else {
        answer_all(run, reply);
    }
}

static struct run *take_first(struct script_batch *batch)
{
    struct run *run = batch->first;
    if (run) {
        batch->first = run->next;
        batch->last = batch->first ? batch->last : NULL;
    }
    return run;
}

static void send_all(void *arg)
{
    struct run *run;
    while ((run = take_first(arg)) != NULL) {
        if (!send(run)) {
            answer_all(run, NULL);
        }
    }
}

// --- adding -------------------------------------------------------------------------------------

static struct run *run_with_room(struct script_batch *batch, size_t bytes)
{
    struct run *run = batch->last;
    if (run && run->count < SCRIPT_BATCH_STEPS_MAX &&
        run->args.len + bytes <= SCRIPT_BATCH_BYTES_MAX) {
        return run;
    }
    run = take_run(batch);
    *(batch->last ? &batch->last->next : &batch->first) = run;
    batch->last = run;
    return run;
}

bool script_batch_add(struct script_batch *batch, const struct bytes_view *args,
                      redis_on_reply *on_verdict, void *arg)
{
    size_t bytes = 0;
    for (size_t i = 0; i < batch->args_each; i++) {
        bytes += args[i].len + REDIS_ARG_FRAME_BYTES_MAX;
    }
    if (!scripts_can_send(batch->scripts) || bytes > REDIS_COMMAND_BYTES_MAX / 2) {
        return false;
    }
    struct run *run = run_with_room(batch, bytes);
    for (size_t i = 0; i < batch->args_each; i++) {
        bool fits = redis_arg_append(&run->args, args[i]);
        assert(fits); // REDIS_COMMAND_BYTES_MAX / 2 is far more than SCRIPT_BATCH_BYTES_MAX
        (void)fits;
    }
    run->step[run->count++] = (struct step){run->args.len, on_verdict, arg};
    return true;
}

struct script_batch *script_batch_open(struct loop *loop, struct scripts *scripts,
                                       enum script_name name, size_t args_each, size_t argc,
                                       const struct bytes_view *argv)
{
    struct script_batch *batch = memory_zeroed(sizeof *batch);
    char number[REDIS_NUMBER_BYTES];
    batch->scripts = scripts;
    batch->name = name;
    batch->args_each = args_each;
    bytes_init(&batch->head, SCRIPT_BATCH_BYTES_MAX);
    redis_arg_append(&batch->head, redis_number(number, args_each));
    for (size_t i = 0; i < argc; i++) {
        redis_arg_append(&batch->head, argv[i]);
    }
    batch->head_count = 1 + argc;
    batch->hook = loop_before_sleep(loop, send_all, batch);
    return batch;
}

void script_batch_wait_for(struct script_batch *batch, struct redis_replicas *replicas,
                           unsigned waits_max)
{
    batch->replicas = replicas;
    batch->waits_max = waits_max;
}

void script_batch_close(struct script_batch *batch)
{
    loop_hook_close(batch->hook);
    struct run *run;
    while ((run = take_first(batch)) != NULL) {
        answer_all(run, NULL);
    }
    while ((run = batch->spare) != NULL) {
        batch->spare = run->next;
        free_run(run);
    }
    bytes_release(&batch->head);
    free(batch);
}
