// See script_batch.h. A batch is filled, waits for the end of the turn, and is kept until its
// answer comes: its words are needed again if the run fails.
#include "script_batch.h"

#include "memory.h"
#include "redis_command.h"

#include <assert.h>
#include <stdlib.h>

#define SPARE_MAX 8

struct step {
    size_t end; // of its words in the batch; they begin at the end of the step before
    redis_on_reply *on_verdict;
    void *arg;
};

struct batch {
    struct batch *next;
    struct steps *steps;
    struct bytes words; // as on the wire: the script's own arguments, and every step's
    size_t count;
    struct step step[STEPS_AT_ONCE_MAX];
};

struct steps {
    struct scripts *scripts;
    enum script_name name;
    size_t width;
    struct bytes head; // the words in front of the steps
    size_t head_count;
    struct loop_hook *hook;
    struct batch *first, *last; // wait for the end of the turn
    struct batch *spare;
    size_t spare_count;
};

// --- batches ------------------------------------------------------------------------------------

static struct batch *take_batch(struct steps *steps)
{
    struct batch *batch = steps->spare;
    if (batch) {
        steps->spare = batch->next;
        steps->spare_count--;
    } else {
        batch = memory_zeroed(sizeof *batch);
        batch->steps = steps;
        bytes_init(&batch->words, REDIS_COMMAND_BYTES_MAX);
    }
    batch->next = NULL;
    batch->count = 0;
    bytes_clear(&batch->words);
    bytes_append_view(&batch->words, bytes_view(&steps->head));
    return batch;
}

static void free_batch(struct batch *batch)
{
    bytes_release(&batch->words);
    free(batch);
}

static void give_back(struct batch *batch)
{
    struct steps *steps = batch->steps;
    if (steps->spare_count == SPARE_MAX || batch->words.capacity > 2 * STEPS_BYTES_MAX) {
        free_batch(batch);
        return;
    }
    batch->next = steps->spare;
    steps->spare = batch;
    steps->spare_count++;
}

// --- sending and answering ----------------------------------------------------------------------

static void on_answer(const redisReply *reply, void *arg);

static bool send(struct batch *batch)
{
    struct steps *steps = batch->steps;
    return scripts_send_words(steps->scripts, steps->name,
                              steps->head_count + batch->count * steps->width,
                              bytes_view(&batch->words), on_answer, batch);
}

static void answer_all(struct batch *batch, const redisReply *reply)
{
    bool is_each = reply && reply->type == REDIS_REPLY_ARRAY && reply->elements == batch->count;
    bool is_error = reply && reply->type == REDIS_REPLY_ERROR;
    for (size_t i = 0; i < batch->count; i++) {
        const struct step *step = &batch->step[i];
        step->on_verdict(is_each ? reply->element[i] : is_error ? reply : NULL, step->arg);
    }
    give_back(batch);
}

// One bad step fails the whole run; earlier steps have taken effect and recognise the repeat.
static void send_each_alone(struct batch *batch)
{
    size_t begin = batch->steps->head.len;
    for (size_t i = 0; i < batch->count; i++) {
        struct batch *alone = take_batch(batch->steps);
        struct step *step = &alone->step[alone->count++];
        *step = batch->step[i];
        bytes_append(&alone->words, batch->words.data + begin, step->end - begin);
        begin = step->end;
        step->end = alone->words.len;
        if (!send(alone)) {
            answer_all(alone, NULL);
        }
    }
    give_back(batch);
}

static void on_answer(const redisReply *reply, void *arg)
{
    struct batch *batch = arg;
    scripts_look_at(batch->steps->scripts, reply);
    if (reply && reply->type == REDIS_REPLY_ERROR && batch->count > 1) {
        send_each_alone(batch);
    } else {
        answer_all(batch, reply);
    }
}

static struct batch *take_first(struct steps *steps)
{
    struct batch *batch = steps->first;
    if (batch) {
        steps->first = batch->next;
        steps->last = steps->first ? steps->last : NULL;
    }
    return batch;
}

static void send_all(void *arg)
{
    struct batch *batch;
    while ((batch = take_first(arg)) != NULL) {
        if (!send(batch)) {
            answer_all(batch, NULL);
        }
    }
}

// --- adding -------------------------------------------------------------------------------------

static struct batch *batch_with_room(struct steps *steps, size_t bytes)
{
    struct batch *batch = steps->last;
    if (batch && batch->count < STEPS_AT_ONCE_MAX && batch->words.len + bytes <= STEPS_BYTES_MAX) {
        return batch;
    }
    batch = take_batch(steps);
    *(steps->last ? &steps->last->next : &steps->first) = batch;
    steps->last = batch;
    return batch;
}

bool steps_add(struct steps *steps, const struct bytes_view *words, redis_on_reply *on_verdict,
               void *arg)
{
    size_t bytes = 0;
    for (size_t i = 0; i < steps->width; i++) {
        bytes += words[i].len + REDIS_WORD_FRAME_BYTES_MAX;
    }
    if (!scripts_can_send(steps->scripts) || bytes > REDIS_COMMAND_BYTES_MAX / 2) {
        return false;
    }
    struct batch *batch = batch_with_room(steps, bytes);
    for (size_t i = 0; i < steps->width; i++) {
        bool fits = redis_word_append(&batch->words, words[i]);
        assert(fits); // REDIS_COMMAND_BYTES_MAX / 2 is far more than STEPS_BYTES_MAX
        (void)fits;
    }
    batch->step[batch->count++] = (struct step){batch->words.len, on_verdict, arg};
    return true;
}

struct steps *steps_open(struct loop *loop, struct scripts *scripts, enum script_name name,
                         size_t width, size_t argc, const struct bytes_view *argv)
{
    struct steps *steps = memory_zeroed(sizeof *steps);
    char number[REDIS_NUMBER_BYTES];
    steps->scripts = scripts;
    steps->name = name;
    steps->width = width;
    bytes_init(&steps->head, STEPS_BYTES_MAX);
    redis_word_append(&steps->head, redis_number(number, width));
    for (size_t i = 0; i < argc; i++) {
        redis_word_append(&steps->head, argv[i]);
    }
    steps->head_count = 1 + argc;
    steps->hook = loop_before_sleep(loop, send_all, steps);
    return steps;
}

void steps_close(struct steps *steps)
{
    loop_hook_close(steps->hook);
    struct batch *batch;
    while ((batch = take_first(steps)) != NULL) {
        answer_all(batch, NULL);
    }
    while ((batch = steps->spare) != NULL) {
        steps->spare = batch->next;
        free_batch(batch);
    }
    bytes_release(&steps->head);
    free(steps);
}
