// A list in the order of arrival. A few are judged in each turn of the loop; those that are not
// written leave when there is room; one that Redis refused, or whose answer was lost, waits for the
// next tick. One that is on its way to Redis may go into the spool as well: the workers know it by
// its id.
#include "daily_events.h"

#include "daily_pace.h"
#include "intake_metrics.h"
#include "memory.h"
#include "redis_command.h"
#include "webhook.h"

#include <stdlib.h>
#include <string.h>

#define TICK_MS 100

struct event {
    struct event *next, *previous;
    struct daily_events *all;
    struct http_request *request; // NULL: answered already
    bool is_genuine;
    bool is_written;  // the answer of Redis is out
    bool is_spooling; // the answer of the spool is out
    uint64_t begun_ms, received_ms, written_us;
    size_t bytes; // of its body
    char peer[PEER_BYTES];
};

struct daily_events {
    struct door door;
    const struct pending_webhooks *calls;
    struct spool *spool; // NULL: there is none
    struct refusals *refusals;
    struct intake_refusals refused[INTAKE_REFUSAL_CODES_MAX];
    struct loop_timer *turn, *tick;
    bool is_ticking;
    struct event *oldest, *newest;
    struct event *unjudged; // the first; NULL: none
    struct event *next;     // the first that is not written; NULL: none
    size_t count, count_max, at_redis;
    size_t bytes; // of their bodies
    struct daily_pace pace;
    uint64_t *noted, *spooled, *verified;
};

static const struct door_kind DOOR = {
    .timestamp_header = "X-Webhook-Timestamp",
    .signature_header = "X-Webhook-Signature",
    .missing_sentence = "the request is not signed: X-Webhook-Signature and X-Webhook-Timestamp "
                        "are required",
    .stale_sentence = "X-Webhook-Timestamp is more than 300 s away from now",
};

static const struct refusal_words WORDS = {
    .invalid_signature = "Daily's events with a wrong signature: after three of them Daily sends "
                         "no more; check DAILY_WEBHOOK_SECRET",
    .busy = "Daily's events refused: too many are not answered yet",
    .queue_unavailable = "Daily's events refused: neither Redis nor the spool could take them in "
                         "time; after three of them Daily sends no more",
};

struct door *daily_events_door(struct daily_events *events)
{
    return &events->door;
}

static void forget(struct event *event)
{
    struct daily_events *all = event->all;
    if (all->next == event) {
        all->next = event->next;
    }
    if (all->unjudged == event) {
        all->unjudged = event->next;
    }
    *(event->previous ? &event->previous->next : &all->oldest) = event->next;
    *(event->next ? &event->next->previous : &all->newest) = event->previous;
    all->count--;
    all->bytes -= event->bytes;
    free(event);
}

static void refuse(struct event *event, const char *sentence)
{
    if (!event->is_genuine) { // not judged yet
        door_find_peer(&event->all->door, event->request, event->peer);
    }
    const struct refusal refusal = {503, "queue_unavailable", sentence, event->peer};
    refusal_answer(event->all->refusals, event->request, &refusal);
    event->request = NULL;
}

static void forget_when_done(struct event *event)
{
    if (!event->request && !event->is_written && !event->is_spooling) {
        forget(event);
    }
}

// --- writing ------------------------------------------------------------------------------------

static void on_written(struct bytes_view entry_id, void *arg)
{
    struct event *event = arg;
    struct daily_events *all = event->all;
    event->is_written = false;
    all->at_redis--;
    if (entry_id.len > 0) {
        daily_pace_note(&all->pace, loop_now_us() - event->written_us);
    }
    if (entry_id.len > 0 && event->request) {
        (*all->noted)++;
        http_reply(event->request, 200, VIEW("{\"status\":\"noted\"}"), NULL);
        event->request = NULL;
    }
    forget_when_done(event);
    daily_events_write(all); // a refused one waits for the tick
}

// An event's entry; into the event and its request.
struct event_fields {
    char received_ms[REDIS_NUMBER_BYTES];
    struct bytes_view views[10];
};
#define EVENT_FIELDS (sizeof((struct event_fields *)NULL)->views / sizeof(struct bytes_view))

static void fill_fields(const struct event *event, struct event_fields *fields)
{
    const struct auth_credentials given = door_credentials(&event->all->door, event->request);
    const struct bytes_view views[EVENT_FIELDS] = {
        VIEW("v"),           VIEW("1"),
        VIEW("received_ms"), redis_number(fields->received_ms, event->received_ms),
        VIEW("timestamp"),   view_of_text(given.timestamp),
        VIEW("peer"),        view_of_text(event->peer),
        VIEW("body"),        http_request_body(event->request),
    };
    memcpy(fields->views, views, sizeof views);
}

static bool write_event(struct event *event)
{
    struct event_fields fields;
    fill_fields(event, &fields);
    event->is_written = stream_writer_write_event(event->all->door.writer, EVENT_FIELDS,
                                                  fields.views, on_written, event);
    event->all->at_redis += event->is_written;
    event->written_us = loop_now_us();
    return event->is_written;
}

void daily_events_write(struct daily_events *all)
{
    const bool has_call = pending_webhooks_count(all->calls) > 0;
    const size_t most = daily_pace_room(&all->pace, all->count, has_call, loop_now_ms());
    while (all->next && all->next != all->unjudged && all->at_redis < most) {
        bool may_leave = !all->next->is_written && all->next->request;
        if (may_leave && !write_event(all->next)) {
            return; // Redis is away
        }
        all->next = all->next->next;
    }
}

// --- spooling -----------------------------------------------------------------------------------

static void on_kept(bool is_kept, void *arg)
{
    struct event *event = arg;
    event->is_spooling = false;
    if (is_kept && event->request) {
        (*event->all->spooled)++;
        http_reply(event->request, 200, VIEW("{\"status\":\"noted\",\"spooled\":true}"), NULL);
        event->request = NULL;
    }
    forget_when_done(event); // else on_tick tries it again
}

static bool may_spool(const struct event *event, uint64_t now_ms)
{
    const struct daily_events *all = event->all;
    return all->spool && event->is_genuine && event->request && !event->is_spooling &&
           (now_ms - event->begun_ms >= DAILY_EVENTS_SPOOL_MS ||
            stream_writer_down_ms(all->door.writer) >= PENDING_SPOOL_MS);
}

static void spool_event(struct event *event)
{
    struct event_fields fields;
    fill_fields(event, &fields);
    event->is_spooling =
        spool_keep_event(event->all->spool, EVENT_FIELDS, fields.views, on_kept, event);
}

static void keep_ticking(struct daily_events *all)
{
    if (!all->is_ticking && all->oldest) {
        all->is_ticking = true;
        loop_timer_start(all->tick, TICK_MS);
    }
}

static void on_tick(void *arg)
{
    struct daily_events *all = arg;
    uint64_t now_ms = loop_now_ms();
    struct event *next = NULL;
    unsigned spooled = 0;
    all->is_ticking = false;
    for (struct event *event = all->oldest; event; event = next) {
        next = event->next;
        if (spooled < DAILY_EVENTS_SPOOL_A_TICK && may_spool(event, now_ms)) {
            spool_event(event);
            spooled++;
        }
        if (event->request && now_ms - event->begun_ms > DAILY_EVENTS_WAIT_MS) {
            refuse(event, "the queue cannot be reached; try again");
            forget_when_done(event);
        }
    }
    all->next = all->oldest; // also those that Redis refused, or whose answer was lost
    daily_events_write(all);
    keep_ticking(all);
}

// --- the door -----------------------------------------------------------------------------------

static bool is_busy(const void *arg)
{
    const struct daily_events *all = arg;
    return all->count >= all->count_max || all->bytes >= DAILY_EVENTS_BYTES_MAX;
}

// The event that is being judged is genuine.
static void take(struct http_request *request, const struct auth *auth, void *arg)
{
    struct daily_events *all = arg;
    (void)auth;
    if (webhook_is_verification(http_request_body(request))) {
        door_answer_probe(&all->door, request);
    } else {
        door_find_peer(&all->door, request, all->unjudged->peer);
        all->unjudged->is_genuine = true;
    }
}

// Those that are not genuine, and the probe, are answered here.
static void judge(struct event *event)
{
    struct daily_events *all = event->all;
    door_on_request(&all->door, event->request);
    all->unjudged = event->next;
    if (!event->is_genuine) {
        forget(event);
    } else if (may_spool(event, loop_now_ms())) {
        spool_event(event);
    }
}

static void on_turn(void *arg)
{
    struct daily_events *all = arg;
    for (int i = 0; i < DAILY_EVENTS_A_TURN && all->unjudged; i++) {
        // NOLINTNEXTLINE(clang-analyzer-unix.Malloc): a forgotten one is in no list
        judge(all->unjudged);
    }
    daily_events_write(all);
    keep_ticking(all);
    if (all->unjudged) {
        loop_timer_start(all->turn, 0);
    }
}

void daily_events_on_request(struct daily_events *all, struct http_request *request)
{
    if (is_busy(all)) {
        const struct refusal busy = {503, "busy", "too many events are in flight; try again", NULL};
        door_refuse(&all->door, request, NULL, &busy);
        return;
    }
    struct event *event = memory_zeroed(sizeof *event);
    *event = (struct event){
        .previous = all->newest,
        .all = all,
        .request = request,
        .begun_ms = loop_now_ms(),
        .received_ms = stream_writer_now_ms(all->door.writer),
        .bytes = http_request_body(request).len,
    };
    *(all->newest ? &all->newest->next : &all->oldest) = event;
    all->newest = event;
    all->next = all->next ? all->next : event;
    all->count++;
    all->bytes += event->bytes;
    if (!all->unjudged) {
        all->unjudged = event;
        loop_timer_start(all->turn, 0);
    }
}

struct daily_events *daily_events_open(struct loop *loop,
                                       const struct daily_events_settings *settings,
                                       struct metrics *metrics)
{
    static const char NAME[] = "dialin_daily_events_total";
    static const char HELP[] = "Requests to the path of Daily's events, by what became of them.";
    struct daily_events *all = memory_zeroed(sizeof *all);
    all->noted = metrics_counter(metrics, NAME, HELP, "result=\"noted\"");
    all->spooled = metrics_counter(metrics, NAME, HELP, "result=\"spooled\"");
    all->verified = metrics_counter(metrics, NAME, HELP, "result=\"verification\"");
    intake_refusals_register(all->refused, metrics, NAME, HELP);
    all->refusals = refusals_open(settings->writer, all->refused, &WORDS);
    all->calls = settings->calls;
    all->count_max =
        settings->count_max < DAILY_EVENTS_MAX ? settings->count_max : DAILY_EVENTS_MAX;
    all->spool = settings->spool;
    all->turn = loop_timer_open(loop, on_turn, all);
    all->tick = loop_timer_open(loop, on_tick, all);
    all->door = (struct door){
        .kind = &DOOR,
        .auth = settings->auth,
        .refusals = all->refusals,
        .writer = settings->writer,
        .proxies = settings->proxies,
        .is_busy = is_busy,
        .take = take,
        .arg = all,
        .verified = all->verified,
        .signatures = {.metrics = metrics, .of = "events"},
    };
    return all;
}

void daily_events_refuse(struct daily_events *all)
{
    for (struct event *event = all->oldest; event; event = event->next) {
        if (event->request) {
            refuse(event, "the ingress is shutting down");
        }
    }
    all->next = all->unjudged = NULL;
    loop_timer_stop(all->turn);
}

void daily_events_close(struct daily_events *all)
{
    while (all->oldest) {
        // NOLINTNEXTLINE(clang-analyzer-unix.Malloc): a forgotten one is in no list
        forget(all->oldest);
    }
    loop_timer_close(all->turn);
    loop_timer_close(all->tick);
    refusals_close(all->refusals);
    free(all);
}
