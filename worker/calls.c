// A call moves through `begin`, its POST and `finish`; whichever of these cannot be sent, or gets
// no verdict, is sent again after STEP_AGAIN_MS: both steps recognise a repetition. Only `move`
// changes a state. After a death, the next worker reads from Redis how far the call had come.
//
// Surprising: a call whose agent is full leaves the worker. It stands in the agent's line, in
// Redis, and comes back here, or to another worker, as an entry when it may ask.
#include "calls_state.h"

#include "answer.h"
#include "call_lookup.h"
#include "callback.h"
#include "log.h"
#include "start_client.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MS_PER_S 1000
#define STEP_AGAIN_MS 200
#define LOOKUP_AGAIN_MS 1000 // of one that is required
#define ANSWER_LOOK_MS 1000  // how often a call whose hold may be over is looked at
#define OVER_MAX 512 // calls beyond CONCURRENCY: read while others were admitted, or the reverse

static void step(struct call *call);

static void drop(struct call *call)
{
    struct calls *calls = call->owner;
    call_table_remove(&calls->table, call);
    *calls->metrics.in_work = (int64_t)calls->table.count;
    calls->beginning -= call->state == CALL_BEGINNING;
    quarantine_leave(&calls->quarantine, call);
    loop_timer_close(call->timer);
    call_free(call);
    stream_reader_pull(calls->reader);
}

// The entry is still pending: the next worker continues from the record in Redis.
static void release(struct call *call)
{
    struct calls *calls = call->owner;
    stream_reader_release(calls->reader, view_of_text(call->entry_id));
    drop(call);
}

// `agent`: only its calls; NULL: all.
static void release_pausing(struct calls *calls, const char *agent)
{
    struct call *next = NULL;
    for (struct call *call = call_table_next(&calls->table, NULL); call; call = next) {
        next = call_table_next(&calls->table, call);
        if (call->state == CALL_PAUSING &&
            (!agent || !strcmp(agent, call->place.agent->route.agent))) {
            release(call);
        }
    }
}

static void move(struct call *call, enum call_state state)
{
    if (call->state != state && log_is_on(LOG_LEVEL_DEBUG)) {
        log_debug("call moves", log_text("call_id", call->call_id),
                  log_text("from", call_state_name(call->state)),
                  log_text("to", call_state_name(state)));
    }
    struct calls *calls = call->owner;
    calls->beginning -= call->state == CALL_BEGINNING;
    calls->beginning += state == CALL_BEGINNING;
    call->state = state;
}

static void on_timer(void *arg)
{
    struct call *call = arg;
    if (call->state == CALL_PAUSING) {
        call->token[0] = '\0';
        move(call, CALL_BEGINNING);
    }
    step(call);
}

static void step_again(struct call *call)
{
    loop_timer_start(call->timer, STEP_AGAIN_MS);
}

// `begin` comes then; a worker that leaves releases the call instead, which is gone after this.
static void begin_after(struct call *call, uint64_t ms)
{
    const struct calls *calls = call->owner;
    if (calls->is_draining) {
        release(call);
    } else {
        move(call, CALL_PAUSING);
        loop_timer_start(call->timer, ms);
    }
}

// --- finish -----------------------------------------------------------------------------------

static void end_as_duplicate(struct call *call)
{
    struct calls *calls = call->owner;
    log_info("duplicate webhook", log_text("call_id", call->call_id),
             log_text("entry", call->entry_id));
    call_metrics_count_duplicate(&calls->metrics, call);
    drop(call);
}

static void pause_call(struct call *call)
{
    const struct calls *calls = call->owner;
    uint64_t left_ms = hold_left_ms(&call->hold), after_ms = call->outcome.again_after_ms;
    if (reach_is_cut_off(calls->reach, call->place.agent->route.agent)) {
        release(call);
        return;
    }
    begin_after(call, after_ms < left_ms ? after_ms : left_ms);
}

static void take_verdict(struct call *call, enum record_verdict verdict, unsigned ms, bool flag)
{
    struct calls *calls = call->owner;
    struct outcome *outcome = &call->outcome;
    const char *agent = call->place.agent->route.agent;
    if (verdict == RECORD_DONE && outcome->name == OUTCOME_AGAIN && outcome->http_status == 0 &&
        reach_note_others(calls->reach, agent, flag ? ms : REACH_NEVER, outcome->error)) {
        release_pausing(calls, agent);
    }
    answer_take_verdict(call, verdict, ms, flag, calls->health);
}

static void wait_in_line(const struct calls *calls, const char *agent)
{
    lines_admit(calls->lines, agent);
    overflow_look(calls->settings.overflow);
}

// Its outcome is recorded, `count` calls have ended if this one has.
static void end_step(struct call *call, unsigned count)
{
    struct calls *calls = call->owner;
    enum outcome_name outcome = call->outcome.name;
    call_log_outcome(call);
    call_metrics_count(&calls->metrics, call);
    if (outcome == OUTCOME_STARTED || outcome == OUTCOME_DEAD) {
        account_note_ended(calls->settings.account, count);
    }
    if (outcome == OUTCOME_AGAIN) {
        pause_call(call);
    } else {
        drop(call);
    }
}

static void on_finished(enum record_verdict verdict, unsigned attempt, unsigned failures, void *arg)
{
    struct call *call = arg;
    struct calls *calls = call->owner;
    if (verdict == RECORD_UNAVAILABLE || verdict == RECORD_NO_GROUP) {
        if (verdict == RECORD_NO_GROUP) {
            stream_reader_make_group(calls->reader);
        }
        step_again(call);
    } else if (verdict == RECORD_NOT_YET) {
        // The hold is over, but a request of the worker that had the call before may still be
        // answered. Or it is not over by Redis' clock, whose step back this worker learns of next.
        begin_after(call, attempt < ANSWER_LOOK_MS ? attempt : ANSWER_LOOK_MS);
    } else if (verdict == RECORD_DUPLICATE) {
        end_as_duplicate(call);
    } else if (verdict == RECORD_LOST) {
        log_warning("call was taken over by another worker, or is already recorded",
                    log_text("call_id", call->call_id), log_text("entry", call->entry_id));
        (*calls->metrics.taken_over)++;
        drop(call);
        stream_reader_read_pending(calls->reader); // may have come again, as a known one
    } else {
        char agent[ROUTE_AGENT_BYTES_MAX + 1]; // the call may be gone when its line is looked at
        view_copy(view_of_text(call->place.agent->route.agent), agent, sizeof agent);
        take_verdict(call, verdict, attempt, failures > 0);
        enum outcome_name outcome = call->outcome.name;
        end_step(call, attempt);
        if (outcome == OUTCOME_LINE) {
            wait_in_line(calls, agent);
        } else {
            lines_admit_if_any(calls->lines, agent);
        }
    }
}

static void send_finish(struct call *call)
{
    struct calls *calls = call->owner;
    const struct record_call record_call = call_for_record(call, calls->commands);
    if (!record_finish(calls->record, &record_call, &call->outcome, on_finished, call)) {
        step_again(call);
    }
}

static void finish(struct call *call)
{
    const struct calls *calls = call->owner;
    callback_prepare(call, calls->commands, calls->settings.place.hold_limit_s * MS_PER_S);
    move(call, CALL_FINISHING);
    send_finish(call);
}

static void give_up(struct call *call, const char *reason, const char *error)
{
    call_set_outcome(call, OUTCOME_DEAD, reason, error);
    finish(call);
}

// --- the POST ---------------------------------------------------------------------------------

static void on_answer(const struct start_answer *answer, void *arg)
{
    struct call *call = arg;
    struct calls *calls = call->owner;
    const struct answer_context context = {
        .secrets = calls->settings.secrets,
        .metrics = &calls->metrics,
        .health = calls->health,
        .reach = calls->reach,
    };
    hold_refresh(&call->hold, calls->commands);
    answer_take(call, answer, &context);
    bytes_clear(&call->request);
    finish(call);
}

// A worker that slept through its lease must not send requests of calls that others have taken
// over, and no request leaves after the caller's hold.
static bool may_send(void *arg)
{
    const struct call *call = arg;
    const struct calls *calls = call->owner;
    return loop_now_ms() - call->begun_ms <= calls->settings.lease_ms / 2 &&
           hold_left_ms(&call->hold) > 0;
}

static void post(struct call *call)
{
    struct calls *calls = call->owner;
    uint64_t left_ms = hold_left_ms(&call->hold) +
                       (call->kind == WEBHOOK_TRUNK ? 0 : calls->settings.hold_grace_ms);
    const struct start_request request = {
        .route = &call->place.agent->route,
        .call_id = view_of_text(call->call_id),
        .body = bytes_view(&call->request),
        .timeout_ms =
            left_ms < calls->settings.start_timeout_ms ? left_ms : calls->settings.start_timeout_ms,
        .may_send = may_send,
    };
    move(call, CALL_STARTING);
    if (call->attempt == 1) {
        metrics_observe(calls->metrics.ring_to_request, hold_age_ms(&call->hold) * 1000);
    }
    start_client_post(calls->client, &request, on_answer, call);
}

// --- the lookup -------------------------------------------------------------------------------

static void on_looked_up(struct lookup_answer *answer, struct bytes_view text, const char *problem,
                         void *arg)
{
    struct call *call = arg;
    struct calls *calls = call->owner;
    bool is_required = call->place.rule->lookup.is_required;
    hold_refresh(&call->hold, calls->commands);
    problem = call_lookup_take(call, answer, text, problem, calls->settings.secrets);
    if (problem && is_required) {
        call->was_looked_up = false; // asked again, until the hold ends
        free(call->lookup_record);
        call->lookup_record = NULL;
        begin_after(call, LOOKUP_AGAIN_MS);
        return;
    }
    move(call, CALL_BEGINNING);
    call->token[0] = '\0';
    step(call); // `begin` records the answer first, also if it declines the call
}

static void look_up(struct call *call)
{
    const struct calls *calls = call->owner;
    move(call, CALL_LOOKING);
    const char *problem =
        lookup_ask(calls->settings.lookups, call, call_lookup_budget_ms(call), on_looked_up, call);
    if (problem) {
        on_looked_up(NULL, VIEW(""), problem, call);
    }
}

// --- begin ------------------------------------------------------------------------------------

// The call was admitted from the line of an agent that it does not ask any more: the next one may.
static void leave_old_line(const struct call *call)
{
    const struct calls *calls = call->owner;
    if (call->why_moved[0] && call->recorded_agent[0]) {
        lines_admit_if_any(calls->lines, call->recorded_agent);
    }
}

static void go(struct call *call, unsigned attempt, unsigned failures)
{
    struct calls *calls = call->owner;
    leave_old_line(call);
    call->why_moved = "";
    free(call->lookup_record);
    call->lookup_record = NULL;
    call->attempt = attempt;
    call->failures = failures;
    post(call);
    stream_reader_pull(calls->reader);
}

// `count` calls have ended. Its admission, if it had one, is the next one's.
static void on_hung_up(struct call *call, enum record_verdict verdict, unsigned count)
{
    struct calls *calls = call->owner;
    char agent[ROUTE_AGENT_BYTES_MAX + 1];
    view_copy(view_of_text(call->place.agent->route.agent), agent, sizeof agent);
    answer_take_verdict(call, verdict, count, false, calls->health);
    leave_old_line(call);
    end_step(call, count);
    lines_admit_if_any(calls->lines, agent);
}

static void give_up_begun(struct call *call, const char *reason, const char *error)
{
    const struct calls *calls = call->owner;
    give_up(call, reason, error);
    stream_reader_pull(calls->reader);
}

static void on_begun(enum record_verdict verdict, unsigned attempt, unsigned failures, void *arg)
{
    struct call *call = arg;
    struct calls *calls = call->owner;
    char agent[ROUTE_AGENT_BYTES_MAX + 1];
    const char *problem = NULL;
    switch (verdict) {
    case RECORD_GO:
        go(call, attempt, failures);
        return;
    case RECORD_LOOK:
        look_up(call);
        stream_reader_pull(calls->reader);
        return;
    case RECORD_DECLINED:
        problem = call_lookup_declines(call);
        give_up_begun(call, "declined", problem ? problem : "its caller has rung too often");
        return;
    case RECORD_SERVED:
        give_up_begun(call, "served", "its number has been served since");
        return;
    case RECORD_STARTED:
        give_up_begun(call, "unknown", "a request had no answer: a bot may have started");
        return;
    case RECORD_ABANDONED:
    case RECORD_UNKNOWN:
        on_hung_up(call, verdict, attempt);
        return;
    case RECORD_ELSEWHERE:
    case RECORD_LOST:
        *calls->metrics.taken_over += verdict == RECORD_LOST;
        drop(call);
        stream_reader_read_pending(calls->reader); // brings it again, with its record
        return;
    case RECORD_LINED_UP:
        view_copy(view_of_text(call->place.agent->route.agent), agent, sizeof agent);
        log_info("call waits in line", log_text("call_id", call->call_id),
                 log_text("entry", call->entry_id), log_text("agent", agent));
        leave_old_line(call);
        drop(call);
        wait_in_line(calls, agent);
        return;
    case RECORD_BUSY:
    case RECORD_SUSPECT:
        call->deaths = verdict == RECORD_SUSPECT ? failures : call->deaths;
        begin_after(call, STEP_AGAIN_MS);
        stream_reader_pull(calls->reader);
        return;
    case RECORD_POISON:
        give_up_begun(call, "invalid", "gave up: its workers crashed while its request was out");
        return;
    case RECORD_DUPLICATE:
        end_as_duplicate(call);
        return;
    case RECORD_FINISHED:
    case RECORD_DONE:
    case RECORD_REJECTED:
    case RECORD_AGAIN:
    case RECORD_NOT_YET:
    case RECORD_NO_GROUP:
        drop(call);
        return;
    case RECORD_UNAVAILABLE:
        step_again(call);
        return;
    }
}

static void begin(struct call *call)
{
    struct calls *calls = call->owner;
    uint64_t now_ms = redis_now_ms(calls->commands);
    const char *problem = call_place(call, calls->routing, &calls->settings.place, now_ms);
    if (problem) {
        give_up(call, "invalid", problem);
        return;
    }
    if (call->is_new && !call->was_looked_up && call->place.rule && call->place.rule->is_declined) {
        give_up(call, "declined", "its route declines it");
        return;
    }
    problem = call->lookup_record ? NULL : call_lookup_declines(call); // its worker died meanwhile
    if (problem) {
        give_up(call, "declined", problem);
        return;
    }
    hold_refresh(&call->hold, calls->commands);
    if (hold_left_ms(&call->hold) == 0) {
        give_up(call, "expired", "the caller's hold is over");
        return;
    }
    if (!quarantine_admits(&calls->quarantine, call)) {
        begin_after(call, STEP_AGAIN_MS);
        return;
    }
    const struct record_call record_call = call_for_record(call, calls->commands);
    if (!call->token[0]) {
        snprintf(call->token, sizeof call->token, "%s.%llu.%u", call->entry_id,
                 (unsigned long long)loop_now_us(), ++call->begins);
    }
    call->begun_ms = loop_now_ms();
    unsigned deaths_max = quarantine_deaths_max(call);
    if (!record_begin(calls->record, &record_call, call->token, deaths_max, on_begun, call)) {
        step_again(call);
    }
}

// Sends the request or step that the call's state demands; also after a pause, when it could not be
// sent before.
static void step(struct call *call)
{
    switch (call->state) {
    case CALL_BEGINNING:
        begin(call);
        return;
    case CALL_FINISHING:
        send_finish(call);
        return;
    case CALL_LOOKING:
    case CALL_STARTING:
    case CALL_PAUSING:
        assert(false); // nothing to send in this state
        return;
    }
}

// --- from and to the stream -------------------------------------------------------------------

bool calls_on_entry(struct bytes_view entry_id, const struct webhook_entry *entry,
                    const struct stream_entry_record *record, const char *problem, void *arg)
{
    struct calls *calls = arg;
    if (calls_is_known(entry_id, calls)) {
        return true;
    }
    if (calls->is_draining || calls->table.count >= calls->settings.concurrency + OVER_MAX) {
        return false;
    }
    struct call *call = call_new(entry_id, entry, record, &problem);
    call->owner = calls;
    call_table_add(&calls->table, call);
    *calls->metrics.in_work = (int64_t)calls->table.count;
    call->timer = loop_timer_open(calls->loop, on_timer, call);
    hold_begin(&call->hold, calls->commands, call->received_ms, 0);
    call_place_first(call, calls->routing, &calls->settings.place);
    call->state = CALL_BEGINNING;
    calls->beginning++;
    if (problem) {
        give_up(call, "invalid", problem);
    } else {
        step(call);
    }
    return true;
}

void calls_drain(struct calls *calls)
{
    calls->is_draining = true;
    release_pausing(calls, NULL);
}
