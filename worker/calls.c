// A call moves through `begin`, its POST and `finish`; whichever of these cannot be sent, or gets
// no verdict, is sent again after STEP_AGAIN_MS: both steps recognise a repetition. `move` is the
// only place where a state changes. Nothing here is needed after a death: whoever takes the entry
// over reads from Redis how far it had come.
//
// Surprising: a call whose agent is full stays in this table until its next attempt. So CONCURRENCY
// bounds waiting calls too.
#include "calls.h"

#include "call.h"
#include "call_metrics.h"
#include "log.h"
#include "memory.h"
#include "retry.h"
#include "start_client.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define STEP_AGAIN_MS 200
#define COMPLAIN_EVERY_MS 5000
#define MS_PER_S 1000

struct calls {
    struct loop *loop;
    struct calls_settings settings;
    struct redis *commands;
    struct record *record;
    struct http_client *client;
    loop_on_time *on_room;
    void *arg;
    struct call **buckets;
    size_t bucket_count; // a power of two
    size_t count;
    bool is_draining;
    uint64_t complained_ms;
    struct call_metrics counts;
};

static void step(struct call *call);

// --- the table --------------------------------------------------------------------------------

static struct call **bucket_of(const struct calls *calls, struct bytes_view entry_id)
{
    uint64_t hash = 14695981039346656037U; // FNV-1a
    for (size_t i = 0; i < entry_id.len; i++) {
        hash = (hash ^ (unsigned char)entry_id.data[i]) * 1099511628211U;
    }
    return &calls->buckets[hash & (calls->bucket_count - 1)];
}

static bool is_known(const struct calls *calls, struct bytes_view entry_id)
{
    for (const struct call *call = *bucket_of(calls, entry_id); call; call = call->next) {
        if (view_equal_text(entry_id, call->entry_id)) {
            return true;
        }
    }
    return false;
}

static void let_go(struct call *call)
{
    struct calls *calls = call->owner;
    struct call **place = bucket_of(calls, view_of_text(call->entry_id));
    while (*place != call) {
        place = &(*place)->next;
    }
    *place = call->next;
    *calls->counts.in_work = (int64_t)--calls->count;
    loop_timer_close(call->timer);
    call_free(call);
    calls->on_room(calls->arg);
}

static void move(struct call *call, enum call_state state)
{
    if (call->state != state && log_is_on(LOG_LEVEL_DEBUG)) {
        log_debug("call moves", log_text("call_id", call->call_id),
                  log_text("from", call_state_name(call->state)),
                  log_text("to", call_state_name(state)));
    }
    call->state = state;
}

static void on_timer(void *arg)
{
    struct call *call = arg;
    if (call->state == CALL_WAITING) {
        call->token[0] = '\0';
        move(call, CALL_BEGINNING);
    }
    step(call);
}

static void step_again(struct call *call)
{
    loop_timer_start(call->timer, STEP_AGAIN_MS);
}

// --- finish -----------------------------------------------------------------------------------

static void log_outcome(const struct call *call)
{
    const struct calls *calls = call->owner;
    const struct call_outcome *outcome = &call->outcome;
    int64_t since_ring_ms = (int64_t)(redis_now_ms(calls->commands) - call->received_ms);
    if (outcome->name == RECORD_STARTED) {
        log_info("call started", log_text("call_id", call->call_id),
                 log_text("entry", call->entry_id), log_phone("from", call->facts.from),
                 log_number("attempt", outcome->attempt),
                 log_number("since_ring_ms", since_ring_ms),
                 log_text("session_id", outcome->session_id), log_text("flaw", outcome->error));
    } else if (outcome->name == RECORD_DEAD) {
        log_warning("call dead", log_text("call_id", call->call_id),
                    log_text("entry", call->entry_id), log_phone("from", call->facts.from),
                    log_text("reason", outcome->reason), log_text("error", outcome->error),
                    log_number("since_ring_ms", since_ring_ms));
    } else if (call->refusals <= 1) {
        log_info("call waits", log_text("call_id", call->call_id),
                 log_text("entry", call->entry_id), log_number("attempt", outcome->attempt),
                 log_number("status", outcome->http_status), log_text("error", outcome->error),
                 log_number("again_in_ms", (int64_t)outcome->again_after_ms));
    }
}

static void end_as_duplicate(struct call *call)
{
    const struct calls *calls = call->owner;
    log_info("duplicate webhook", log_text("call_id", call->call_id),
             log_text("entry", call->entry_id));
    (*calls->counts.duplicate)++;
    let_go(call);
}

static void wait_for_next(struct call *call)
{
    struct calls *calls = call->owner;
    uint64_t now_ms = redis_now_ms(calls->commands);
    uint64_t left_ms = call->deadline_ms > now_ms ? call->deadline_ms - now_ms : 0;
    uint64_t after_ms = call->outcome.again_after_ms;
    if (calls->is_draining) {
        let_go(call); // still pending: whoever takes it over goes on
        return;
    }
    move(call, CALL_WAITING);
    loop_timer_start(call->timer, after_ms < left_ms ? after_ms : left_ms);
}

static void on_finished(enum record_verdict verdict, unsigned attempt, void *arg)
{
    (void)attempt;
    struct call *call = arg;
    struct calls *calls = call->owner;
    if (verdict == RECORD_UNAVAILABLE) {
        step_again(call);
    } else if (verdict == RECORD_DUPLICATE) {
        end_as_duplicate(call);
    } else if (verdict == RECORD_LOST) {
        log_warning("call was taken over by another worker, or is recorded already",
                    log_text("call_id", call->call_id), log_text("entry", call->entry_id));
        (*calls->counts.taken_over)++;
        let_go(call);
    } else if (call->outcome.name == RECORD_STARTED || call->outcome.name == RECORD_DEAD) {
        log_outcome(call);
        call_metrics_count(&calls->counts, &call->outcome);
        let_go(call);
    } else {
        log_outcome(call);
        wait_for_next(call);
    }
}

static void send_finish(struct call *call)
{
    struct calls *calls = call->owner;
    const struct call_outcome *from = &call->outcome;
    const struct record_call record_call = call_for_record(call);
    const struct record_outcome outcome = {
        .name = from->name,
        .reason = from->reason,
        .error = from->error,
        .attempt = from->attempt,
        .http_status = from->http_status,
        .latency_ms = from->latency_ms,
        .request = bytes_view(&from->request),
        .response = bytes_view(&from->response),
        .session_id = view_of_text(from->session_id),
        .room_url = view_of_text(from->room_url),
    };
    if (!record_finish(calls->record, &record_call, &outcome, on_finished, call)) {
        step_again(call);
    }
}

static void finish(struct call *call)
{
    move(call, CALL_FINISHING);
    send_finish(call);
}

static void give_up(struct call *call, const char *reason, const char *error)
{
    call_set_outcome(call, RECORD_DEAD, reason, error);
    finish(call);
}

// --- the POST ---------------------------------------------------------------------------------

static void complain_of_configuration(struct calls *calls, const struct call *call, unsigned status)
{
    uint64_t now_ms = loop_now_ms();
    if (now_ms - calls->complained_ms > COMPLAIN_EVERY_MS) {
        calls->complained_ms = now_ms;
        log_error("the agent refuses us, not the call: check START_URL or AGENT_NAME, and the key",
                  log_text("agent", call->route->agent), log_number("status", status));
    }
}

// An agent may put a token anywhere, into a room's URL for instance.
static void copy_redacted(const struct calls *calls, const char *text, char *out, size_t size)
{
    struct bytes redacted;
    bytes_init(&redacted, size - 1);
    redact(view_of_text(text), &calls->settings.secrets, &redacted);
    snprintf(out, size, "%s", bytes_text(&redacted));
    bytes_release(&redacted);
}

static void decide(struct call *call, const struct start_answer *answer)
{
    struct calls *calls = call->owner;
    struct call_outcome *outcome = &call->outcome;
    uint32_t chance = 0;
    (void)!getrandom(&chance, sizeof chance, GRND_NONBLOCK);
    const struct retry_situation situation = {
        .status = answer->http->status,
        .retry_after = answer->http->retry_after,
        .wall_s = loop_wall_ms() / MS_PER_S,
        .failures = call->failures,
        .refusals = call->refusals,
        .chance = chance,
    };
    uint64_t after_ms = 0;
    enum retry_decision decision = retry_decide(&situation, &after_ms);
    const char *error = answer->http->outcome == HTTP_UNKNOWN ? "unknown outcome"
                        : answer->http->error                 ? answer->http->error
                                                              : answer->flaw;
    bool is_failure = decision == RETRY_FAILED || decision == RETRY_LINE;
    call->failures = is_failure ? call->failures + 1 : 0;
    call->refusals = decision == RETRY_FULL ? call->refusals + 1 : 0;
    switch (decision) {
    case RETRY_STARTED:
        call_set_outcome(call, RECORD_STARTED, "", answer->flaw);
        copy_redacted(calls, answer->session_id, outcome->session_id, sizeof outcome->session_id);
        copy_redacted(calls, answer->room_url, outcome->room_url, sizeof outcome->room_url);
        metrics_observe(calls->counts.start_latency, answer->http->latency_us);
        break;
    case RETRY_REJECTED:
        call_set_outcome(call, RECORD_DEAD, "rejected", "/start refuses this request for good");
        break;
    case RETRY_CONFIGURATION:
        complain_of_configuration(calls, call, situation.status);
        call_set_outcome(call, RECORD_LINE, "", "the agent refuses our configuration");
        break;
    case RETRY_FULL:
    case RETRY_LINE:
        call_set_outcome(call, RECORD_LINE, "", error);
        break;
    case RETRY_FAILED:
        call_set_outcome(call, RECORD_AGAIN, "", error);
        break;
    }
    outcome->again_after_ms = after_ms;
    *calls->counts.failed_attempts += is_failure;
}

static void on_answer(const struct start_answer *answer, void *arg)
{
    struct call *call = arg;
    struct calls *calls = call->owner;
    decide(call, answer);
    call->outcome.attempt = call->attempt;
    call->outcome.http_status = answer->http->status;
    call->outcome.latency_ms = answer->http->latency_us / 1000;
    redact(bytes_view(&call->request), &calls->settings.secrets, &call->outcome.request);
    redact(answer->http->body, &calls->settings.secrets, &call->outcome.response);
    bytes_clear(&call->request);
    finish(call);
}

// A worker that slept through its lease must not send what others have taken over by now.
static bool may_send(void *arg)
{
    const struct call *call = arg;
    const struct calls *calls = call->owner;
    return loop_now_ms() - call->begun_ms <= calls->settings.lease_ms / 2;
}

static void post(struct call *call)
{
    struct calls *calls = call->owner;
    uint64_t now_ms = redis_now_ms(calls->commands);
    uint64_t left_ms = call->deadline_ms > now_ms ? call->deadline_ms - now_ms : 1;
    const struct start_request request = {
        .route = call->route,
        .call_id = view_of_text(call->call_id),
        .body = bytes_view(&call->request),
        .timeout_ms =
            left_ms < calls->settings.start_timeout_ms ? left_ms : calls->settings.start_timeout_ms,
        .may_send = may_send,
    };
    move(call, CALL_STARTING);
    (*calls->counts.attempts)++;
    if (call->attempt == 1 && now_ms >= call->received_ms) {
        metrics_observe(calls->counts.ring_to_request, (now_ms - call->received_ms) * 1000);
    }
    start_client_post(calls->client, &request, on_answer, call);
}

// --- begin ------------------------------------------------------------------------------------

static void on_begun(enum record_verdict verdict, unsigned attempt, void *arg)
{
    struct call *call = arg;
    struct calls *calls = call->owner;
    switch (verdict) {
    case RECORD_GO:
        call->attempt = attempt;
        post(call);
        return;
    case RECORD_DUPLICATE:
        end_as_duplicate(call);
        return;
    case RECORD_LOST:
        (*calls->counts.taken_over)++;
        let_go(call);
        return;
    case RECORD_FINISHED:
    case RECORD_DONE:
        let_go(call);
        return;
    case RECORD_UNAVAILABLE:
        step_again(call);
        return;
    }
}

static void begin(struct call *call)
{
    struct calls *calls = call->owner;
    const struct webhook_entry entry = call_entry(call);
    uint64_t now_ms = redis_now_ms(calls->commands);
    bytes_clear(&call->request);
    const char *problem =
        transform(&entry, &calls->settings.transform,
                  now_ms / MS_PER_S + calls->settings.room_expiry_s, &call->request, &call->facts);
    if (problem) {
        give_up(call, "invalid", problem);
        return;
    }
    if (now_ms >= call->deadline_ms) {
        give_up(call, "expired", "the caller's hold is over");
        return;
    }
    const struct record_call record_call = call_for_record(call);
    if (!call->token[0]) {
        snprintf(call->token, sizeof call->token, "%s.%llu.%u", call->entry_id,
                 (unsigned long long)loop_now_us(), ++call->begins);
    }
    call->begun_ms = loop_now_ms();
    if (!record_begin(calls->record, &record_call, call->token, on_begun, call)) {
        step_again(call);
    }
}

// Sends what the call's state asks for; also after a pause, when it could not be sent before.
static void step(struct call *call)
{
    switch (call->state) {
    case CALL_BEGINNING:
        begin(call);
        return;
    case CALL_FINISHING:
        send_finish(call);
        return;
    case CALL_STARTING:
    case CALL_WAITING:
        assert(false); // nothing to send in this state
        return;
    }
}

// --- from and to the stream -------------------------------------------------------------------

size_t calls_room(void *arg)
{
    const struct calls *calls = arg;
    return calls->is_draining ? 0 : calls->settings.concurrency - calls->count;
}

bool calls_on_entry(struct bytes_view entry_id, const struct webhook_entry *entry,
                    const char *problem, void *arg)
{
    struct calls *calls = arg;
    if (is_known(calls, entry_id)) {
        return true;
    }
    if (calls_room(calls) == 0) {
        return false;
    }
    struct call *call = call_new(entry_id, entry, &problem);
    struct call **bucket = bucket_of(calls, entry_id);
    call->owner = calls;
    call->next = *bucket;
    *bucket = call;
    *calls->counts.in_work = (int64_t)++calls->count;
    call->timer = loop_timer_open(calls->loop, on_timer, call);
    call->route = calls->settings.route;
    call->deadline_ms =
        call->received_ms + (call->kind == WEBHOOK_DIALOUT ? calls->settings.dialout_limit_ms
                                                           : calls->settings.hold_limit_ms);
    call->state = CALL_BEGINNING;
    if (problem) {
        give_up(call, "invalid", problem);
    } else {
        step(call);
    }
    return true;
}

size_t calls_count(const struct calls *calls)
{
    return calls->count;
}

void calls_drain(struct calls *calls)
{
    calls->is_draining = true;
    for (size_t i = 0; i < calls->bucket_count; i++) {
        struct call *next = NULL;
        for (struct call *call = calls->buckets[i]; call; call = next) {
            next = call->next;
            if (call->state == CALL_WAITING) {
                let_go(call);
            }
        }
    }
}

// --- opening and closing ----------------------------------------------------------------------

struct calls *calls_open(struct loop *loop, const struct calls_settings *settings,
                         struct redis *commands, struct record *record, struct http_client *client,
                         struct metrics *metrics, loop_on_time *on_room, void *arg)
{
    struct calls *calls = memory_zeroed(sizeof *calls);
    calls->loop = loop;
    calls->settings = *settings;
    calls->commands = commands;
    calls->record = record;
    calls->client = client;
    calls->on_room = on_room;
    calls->arg = arg;
    calls->bucket_count = 1;
    while (calls->bucket_count < settings->concurrency) {
        calls->bucket_count *= 2;
    }
    calls->buckets = memory_zeroed(calls->bucket_count * sizeof(struct call *));
    call_metrics_register(&calls->counts, metrics);
    return calls;
}

void calls_close(struct calls *calls)
{
    for (size_t i = 0; i < calls->bucket_count; i++) {
        while (calls->buckets[i]) {
            struct call *call = calls->buckets[i];
            calls->buckets[i] = call->next;
            loop_timer_close(call->timer);
            call_free(call);
        }
    }
    free(calls->buckets);
    free(calls);
}
