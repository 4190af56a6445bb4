// Sweeps over the calls that are not finished, again and again, a bounded number of questions out
// at a time, with a pause that grows with the sweep, so that watching 100,000 calls does not slow
// down what is watched. A question whose answer is lost is asked again in the next sweep.
#include "outcome.h"

#include "memory.h"
#include "redis.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAUSE_MS_MIN 20
#define PAUSE_MS_MAX 1000
#define PAUSE_PER_SWEEP 4 // at most a fifth of the time is spent asking
#define KEY_BYTES_MAX 512

static const char *const FIELDS[] = {
    "state",      "reason",   "received_ms", "started_ms", "agent",  "attempts",
    "session_id", "room_url", "http_status", "error",      "worker", "route",
};
enum { STATE, REASON, RECEIVED_MS, STARTED_MS, FIELDS_FOR_MANY, FIELD_COUNT = 12 };

struct sweep {
    struct loop *loop;
    const struct plan *plan;
    struct progress *progress;
    struct outcome *outcome;
    struct redis *redis;
    struct loop_timer *pause, *deadline;
    uint32_t *left;             // calls not finished; the first `kept` were asked in this sweep
    enum outcome_state *states; // of each in the plan, as last seen
    size_t left_count, next, kept, in_flight;
    size_t field_count;
    uint64_t begun_ms;
    bool is_over;
};

struct question {
    struct sweep *sweep;
    uint32_t index;
};

static void ask_more(struct sweep *sweep);

const char *outcome_state_name(enum outcome_state state)
{
    static const char *const NAMES[] = {
#define X(name) #name,
        OUTCOME_STATES(X)
#undef X
    };
    assert((unsigned)state < OUTCOME_STATE_COUNT);
    return NAMES[state];
}

static const char *text_of(const redisReply *reply, size_t field)
{
    if (field >= reply->elements || reply->element[field]->type != REDIS_REPLY_STRING) {
        return "";
    }
    return reply->element[field]->str;
}

static enum outcome_state state_of(const redisReply *reply)
{
    if (!reply || reply->type != REDIS_REPLY_ARRAY) {
        return OUTCOME_unread;
    }
    const char *text = text_of(reply, STATE);
    for (unsigned i = OUTCOME_starting; i < OUTCOME_STATE_COUNT; i++) {
        if (!strcmp(text, outcome_state_name((enum outcome_state)i))) {
            return (enum outcome_state)i;
        }
    }
    return OUTCOME_queued;
}

static void count_reason(struct outcome *outcome, const char *reason)
{
    size_t i = 0;
    while (i < outcome->reason_count && strcmp(outcome->reasons[i].name, reason) != 0) {
        i++;
    }
    if (i == OUTCOME_REASONS_MAX) {
        return;
    }
    if (i == outcome->reason_count) {
        outcome->reason_count++;
        snprintf(outcome->reasons[i].name, sizeof outcome->reasons[i].name, "%s", reason);
    }
    outcome->reasons[i].count++;
}

static void keep_story(struct outcome_story *story, const redisReply *reply)
{
    char *const texts[] = {story->agent,       story->attempts, story->session_id, story->room_url,
                           story->http_status, story->error,    story->worker,     story->route};
    snprintf(story->reason, OUTCOME_TEXT_BYTES, "%s", text_of(reply, REASON));
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        snprintf(texts[i], OUTCOME_TEXT_BYTES, "%s", text_of(reply, FIELDS_FOR_MANY + i));
    }
}

static void note_finished(struct outcome *outcome, enum outcome_state state,
                          const redisReply *reply)
{
    if (state == OUTCOME_dead) {
        count_reason(outcome, text_of(reply, REASON));
        return;
    }
    uint64_t received_ms = strtoull(text_of(reply, RECEIVED_MS), NULL, 10);
    uint64_t started_ms = strtoull(text_of(reply, STARTED_MS), NULL, 10);
    uint64_t took_ms = started_ms > received_ms ? started_ms - received_ms : 0;
    outcome->ring_to_start_ms[outcome->ring_to_start_count++] =
        took_ms < UINT32_MAX ? (uint32_t)took_ms : UINT32_MAX;
}

// --- sweeping ---------------------------------------------------------------------------------

static void end_sweep(struct sweep *sweep)
{
    uint64_t took_ms = loop_now_ms() - sweep->begun_ms;
    uint64_t pause_ms = PAUSE_PER_SWEEP * took_ms;
    sweep->left_count = sweep->kept;
    progress_show(sweep->progress, "starting", sweep->outcome->calls - sweep->left_count,
                  sweep->outcome->calls);
    if (sweep->left_count == 0) {
        loop_stop(sweep->loop);
        return;
    }
    pause_ms = pause_ms < PAUSE_MS_MIN ? PAUSE_MS_MIN : pause_ms;
    loop_timer_start(sweep->pause, pause_ms < PAUSE_MS_MAX ? pause_ms : PAUSE_MS_MAX);
}

static void begin_sweep(void *arg)
{
    struct sweep *sweep = arg;
    sweep->next = sweep->kept = 0;
    sweep->begun_ms = loop_now_ms();
    ask_more(sweep);
}

static void on_reply(const redisReply *reply, void *arg)
{
    struct question *question = arg;
    struct sweep *sweep = question->sweep;
    uint32_t index = question->index;
    free(question);
    sweep->in_flight--;
    if (sweep->is_over) {
        return;
    }
    enum outcome_state state = state_of(reply);
    if (state != OUTCOME_unread) {
        sweep->states[index] = state;
    }
    if (state == OUTCOME_started || state == OUTCOME_dead) {
        note_finished(sweep->outcome, state, reply);
    } else {
        sweep->left[sweep->kept++] = index; // behind what has been asked: never overtakes `next`
    }
    if (state != OUTCOME_unread && sweep->plan->count == 1) {
        keep_story(&sweep->outcome->story, reply);
    }
    ask_more(sweep);
}

static bool ask(struct sweep *sweep, uint32_t index)
{
    char key[KEY_BYTES_MAX];
    struct bytes_view argv[2 + FIELD_COUNT] = {VIEW("HMGET")};
    snprintf(key, sizeof key, "%s:call:%s", sweep->plan->options->redis_prefix,
             sweep->plan->webhooks[index].call_id);
    argv[1] = view_of_text(key);
    for (size_t i = 0; i < sweep->field_count; i++) {
        argv[2 + i] = view_of_text(FIELDS[i]);
    }
    struct question *question = memory_zeroed(sizeof *question);
    *question = (struct question){sweep, index};
    if (!redis_send(sweep->redis, 2 + sweep->field_count, argv, on_reply, question)) {
        free(question);
        return false;
    }
    sweep->in_flight++;
    return true;
}

static void ask_more(struct sweep *sweep)
{
    while (sweep->next < sweep->left_count && sweep->in_flight < OUTCOME_IN_FLIGHT_MAX) {
        uint32_t index = sweep->left[sweep->next++];
        if (!ask(sweep, index)) {
            sweep->left[sweep->kept++] = index;
        }
    }
    if (sweep->next == sweep->left_count && sweep->in_flight == 0) {
        end_sweep(sweep);
    }
}

static void time_is_up(void *arg)
{
    loop_stop(arg);
}

static void list_acknowledged(struct sweep *sweep, const bool *is_acknowledged)
{
    for (uint32_t i = 0; i < sweep->plan->count; i++) {
        if (is_acknowledged[i]) {
            sweep->left[sweep->left_count++] = i;
        }
    }
    sweep->outcome->calls = sweep->left_count;
}

void outcome_run(struct loop *loop, const struct plan *plan, const bool *is_acknowledged,
                 struct progress *progress, struct outcome *outcome)
{
    struct sweep sweep = {
        .loop = loop,
        .plan = plan,
        .progress = progress,
        .outcome = outcome,
        .field_count = plan->count == 1 ? FIELD_COUNT : FIELDS_FOR_MANY,
        .left = memory_zeroed(plan->count * sizeof *sweep.left),
        .states = memory_zeroed(plan->count * sizeof *sweep.states),
    };
    uint64_t begun_us = loop_now_us();
    *outcome = (struct outcome){0};
    outcome->ring_to_start_ms = memory_zeroed(plan->count * sizeof *outcome->ring_to_start_ms);
    list_acknowledged(&sweep, is_acknowledged);
    if (sweep.left_count > 0) {
        sweep.redis = redis_open(loop, &plan->options->redis, "dialin-caller", NULL, NULL);
        sweep.pause = loop_timer_open(loop, begin_sweep, &sweep);
        sweep.deadline = loop_timer_open(loop, time_is_up, loop);
        loop_timer_start(sweep.pause, 0);
        loop_timer_start(sweep.deadline, plan->options->timeout_s * 1000);
        loop_run(loop);
        sweep.is_over = true;
        loop_timer_close(sweep.pause);
        loop_timer_close(sweep.deadline);
        redis_close(sweep.redis);
    }
    for (size_t i = 0; i < plan->count; i++) {
        outcome->states[sweep.states[i]] += is_acknowledged[i];
    }
    outcome->took_us = loop_now_us() - begun_us;
    free(sweep.left);
    free(sweep.states);
    progress_clear(progress);
}

void outcome_release(struct outcome *outcome)
{
    free(outcome->ring_to_start_ms);
}
