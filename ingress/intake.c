// The story of a request: is it genuine, which kind is it, and then it is queued
// (pending_webhook.h) or refused (refusal.h).
#include "intake.h"

#include "daily_events.h"
#include "dialout_id.h"
#include "intake_metrics.h"
#include "json.h"
#include "log.h"
#include "log_gate.h"
#include "memory.h"
#include "pending_webhook.h"
#include "refusal.h"
#include "trunk_calls.h"
#include "webhook.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct intake {
    struct intake_settings settings;
    struct stream_writer *writer;
    struct spool *spool; // NULL: there is none
    struct pending_webhooks *pending;
    struct refusals *refusals;
    struct intake_metrics counts;
    struct log_gate ignored_keys; // Idempotency-Key beside a signature
    struct door dialin;
    struct daily_events *daily_events;
    struct trunk_calls *trunk_calls;
};

static const struct door_kind DIALIN_DOOR = {
    .timestamp_header = "X-Pinless-Timestamp",
    .signature_header = "X-Pinless-Signature",
    .missing_sentence = "the request is not signed: X-Pinless-Signature and X-Pinless-Timestamp "
                        "are required",
    .stale_sentence = "X-Pinless-Timestamp is more than 300 s away from now",
    .takes_key = true,
    .traces_refusals = true,
};

static const struct refusal_words DIALIN_WORDS = {
    .invalid_signature = "webhooks with a wrong signature: if the secret was changed at Daily, "
                         "every caller is being lost; check PINLESS_HMAC_SECRET",
    .busy = "webhooks refused: more in flight than MAX_IN_FLIGHT",
    .queue_unavailable = "webhooks refused: neither Redis nor the spool could take them in time",
};

// --- refusing ---------------------------------------------------------------------------------

bool intake_is_proxy(const char *address, void *arg)
{
    const struct intake *intake = arg;
    return peer_is_proxy(intake->settings.proxies, address);
}

void intake_on_refusal(const char *path, const char *code, void *arg)
{
    const struct intake *intake = arg;
    struct refusals *refusals = intake->refusals;
    if (!strcmp(path, INTAKE_EVENTS_PATH)) {
        refusals = daily_events_door(intake->daily_events)->refusals;
    } else if (!strcmp(path, INTAKE_TRUNK_PATH)) {
        refusals = trunk_calls_door(intake->trunk_calls)->refusals;
    }
    refusal_note(refusals, code);
}

// --- queueing -----------------------------------------------------------------------------------

// The call's id: Daily's, or of a dial-out its own. NULL when it is good, else a sentence.
static const char *choose_call_id(struct intake *intake, const struct pending_new *new,
                                  const struct auth *auth, const struct webhook *webhook,
                                  char call_id[DIALOUT_ID_BYTES])
{
    const char *header = http_request_header(new->request, "Idempotency-Key");
    const struct dialout_request dialout = {
        .is_signed = auth->is_genuine && !auth->has_key,
        .header = header,
        .body_key = webhook->idempotency_key,
        .timestamp = new->entry.timestamp,
        .body = new->entry.body,
    };
    if (webhook->kind == WEBHOOK_DIALIN) {
        memcpy(call_id, webhook->call_id, DIALOUT_ID_BYTES);
        return NULL;
    }
    uint64_t since =
        dialout.is_signed && header ? log_gate_pass(&intake->ignored_keys, loop_now_ms()) : 0;
    if (since > 0) {
        log_warning("Idempotency-Key is ignored: the signature does not cover it; put "
                    "idempotency_key into the body",
                    log_view("peer", new->entry.peer), log_number("count", (int64_t)since));
    }
    return dialout_id_choose(&dialout, call_id);
}

static void queue(struct intake *intake, struct http_request *request, const struct auth *auth,
                  const struct webhook *webhook)
{
    char call_id[DIALOUT_ID_BYTES], peer[PEER_BYTES];
    const struct auth_credentials given = door_credentials(&intake->dialin, request);
    door_find_peer(&intake->dialin, request, peer);
    struct pending_new new = {
        .request = request,
        .to = webhook->to,
        .entry =
            {
                .kind = webhook->kind,
                .received_ms = stream_writer_now_ms(intake->writer),
                .timestamp = view_of_text(given.timestamp),
                .signature = view_of_text(given.signature),
                .peer = view_of_text(peer),
                .body = http_request_body(request),
                .signed_for = view_of_text(auth_signed_for(auth, &intake->dialin.auth)),
                .flaw = view_of_text(webhook->flaw),
            },
    };
    const char *problem = choose_call_id(intake, &new, auth, webhook, call_id);
    if (problem) {
        const struct refusal refusal = {400, "invalid_field", problem, NULL};
        door_refuse(&intake->dialin, request, auth, &refusal);
        return;
    }
    new.entry.call_id = view_of_text(call_id);
    pending_webhooks_add(intake->pending, &new);
}

// --- the story --------------------------------------------------------------------------------

static bool is_busy(const void *arg)
{
    const struct intake *intake = arg;
    return pending_webhooks_count(intake->pending) >= intake->settings.in_flight_max;
}

static void take_webhook(struct intake *intake, struct http_request *request,
                         const struct auth *auth, const struct webhook *webhook)
{
    const char *failure = auth_authorize(auth, &intake->dialin.auth, webhook->kind, webhook->to);
    if (failure) {
        const struct refusal refusal = {401, failure, door_sentence(&intake->dialin, failure),
                                        NULL};
        door_refuse(&intake->dialin, request, auth, &refusal);
    } else if (is_busy(intake)) {
        const struct refusal busy = {503, "busy", "too many webhooks are in flight; try again",
                                     NULL};
        door_refuse(&intake->dialin, request, NULL, &busy);
    } else {
        queue(intake, request, auth, webhook);
    }
}

static void take(struct http_request *request, const struct auth *auth, void *arg)
{
    struct intake *intake = arg;
    struct webhook webhook;
    const char *signed_for = auth_signed_for(auth, &intake->dialin.auth);
    switch (webhook_read(&webhook, http_request_body(request), view_of_text(signed_for))) {
    case WEBHOOK_VERIFICATION:
        door_answer_probe(&intake->dialin, request);
        break;
    case WEBHOOK_REFUSED: {
        const struct refusal refusal = {400, webhook.code, webhook.sentence, NULL};
        door_refuse(&intake->dialin, request, auth, &refusal);
        break;
    }
    case WEBHOOK_CALL:
        take_webhook(intake, request, auth, &webhook);
        break;
    }
    webhook_release(&webhook);
}

void intake_on_head(struct http_request *request, void *arg)
{
    const struct intake *intake = arg;
    door_on_head(&intake->dialin, request);
}

void intake_on_request(struct http_request *request, void *arg)
{
    struct intake *intake = arg;
    door_on_request(&intake->dialin, request);
}

void intake_on_event_head(struct http_request *request, void *arg)
{
    const struct intake *intake = arg;
    door_on_head(daily_events_door(intake->daily_events), request);
}

void intake_on_event(struct http_request *request, void *arg)
{
    const struct intake *intake = arg;
    daily_events_on_request(intake->daily_events, request);
}

void intake_on_trunk_head(struct http_request *request, void *arg)
{
    const struct intake *intake = arg;
    door_on_head(trunk_calls_door(intake->trunk_calls), request);
}

void intake_on_trunk(struct http_request *request, void *arg)
{
    const struct intake *intake = arg;
    door_on_request(trunk_calls_door(intake->trunk_calls), request);
}

void intake_on_health(struct http_request *request, void *arg)
{
    (void)arg;
    http_reply(request, 200, VIEW("{\"status\":\"ok\"}"), NULL);
}

void intake_reload(struct intake *intake, const struct intake_doors *doors,
                   const struct redis_address *redis)
{
    intake->dialin.auth = doors->dialin;
    daily_events_door(intake->daily_events)->auth = doors->events;
    trunk_calls_door(intake->trunk_calls)->auth = doors->trunks;
    stream_writer_reload(intake->writer, redis);
}

const char *intake_not_ready_reason(void *arg)
{
    const struct intake *intake = arg;
    if (stream_writer_is_up(intake->writer)) {
        return NULL;
    }
    return intake->spool ? spool_not_ready_reason(intake->spool)
                         : stream_writer_not_ready_reason(intake->writer);
}

// --- opening and closing ----------------------------------------------------------------------

static void on_redis_up(void *arg)
{
    struct intake *intake = arg;
    pending_webhooks_write(intake->pending);
    daily_events_write(intake->daily_events);
    if (intake->spool) {
        spool_drain(intake->spool);
    }
}

struct intake *intake_open(struct loop *loop, const struct redis_address *redis,
                           const struct intake_settings *settings, struct metrics *metrics)
{
    struct intake *intake = memory_zeroed(sizeof *intake);
    const struct stream_writer_settings writer_settings = {settings->redis_prefix,
                                                           settings->wait_replicas};
    intake->settings = *settings;
    intake_counts_register(&intake->counts, metrics, settings->in_flight_max);
    intake->writer =
        stream_writer_open(loop, redis, &writer_settings, metrics, on_redis_up, intake);
    intake->refusals = refusals_open(intake->writer, intake->counts.refusals, &DIALIN_WORDS);
    intake->dialin = (struct door){
        .kind = &DIALIN_DOOR,
        .auth = settings->doors.dialin,
        .refusals = intake->refusals,
        .writer = intake->writer,
        .proxies = settings->proxies,
        .is_busy = is_busy,
        .take = take,
        .arg = intake,
        .verified = intake->counts.verified,
        .signatures = {.metrics = metrics, .of = "dialin"},
    };
    if (settings->spool_folder) {
        *metrics_gauge(metrics, "dialin_spool_bytes_max", "The most that it holds (SPOOL_MAX_MB).",
                       NULL) = (int64_t)settings->spool_bytes_max;
        intake->spool = spool_open(loop, settings->spool_folder, settings->spool_bytes_max,
                                   intake->writer, metrics);
        if (!intake->spool) {
            log_error("SPOOL_DIR cannot be opened", log_text("error", strerror(errno)));
        }
    }
    const struct pending_settings pending = {intake->writer, intake->spool, &intake->counts,
                                             intake->refusals};
    intake->pending = pending_webhooks_open(loop, &pending);
    const struct daily_events_settings events = {intake->writer,         intake->spool,
                                                 settings->doors.events, settings->proxies,
                                                 intake->pending,        settings->events_max};
    intake->daily_events = daily_events_open(loop, &events, metrics);
    const struct trunk_calls_settings trunks = {intake->writer,    intake->pending,
                                                &intake->counts,   settings->doors.trunks,
                                                settings->proxies, settings->in_flight_max};
    intake->trunk_calls = trunk_calls_open(&trunks, metrics);
    return intake;
}

struct redis *intake_redis(const struct intake *intake)
{
    return stream_writer_redis(intake->writer);
}

void intake_describe(const struct intake *intake, struct json_line *line)
{
    json_line_number(line, "in_work", (uint64_t)*intake->counts.in_flight);
    json_line_number(line, "in_work_max", intake->settings.in_flight_max);
    json_line_number(line, "refused", intake_counts_lost(intake->counts.refusals));
    if (intake->spool) {
        json_line_number(line, "spool_bytes", spool_bytes(intake->spool));
        json_line_number(line, "spool_bytes_max", intake->settings.spool_bytes_max);
        json_line_number(line, "spool_events_bytes", spool_events_bytes(intake->spool));
    }
}

bool intake_has_spool(const struct intake *intake)
{
    return intake->spool != NULL;
}

bool intake_is_spooling(const struct intake *intake)
{
    return intake->spool && spool_is_syncing(intake->spool);
}

void intake_close(struct intake *intake)
{
    pending_webhooks_refuse(intake->pending);
    daily_events_refuse(intake->daily_events);
    stream_writer_close(intake->writer); // its callbacks forget the pending writes
    if (intake->spool) {
        spool_close(intake->spool);
    }
    pending_webhooks_close(intake->pending);
    daily_events_close(intake->daily_events);
    trunk_calls_close(intake->trunk_calls);
    refusals_close(intake->refusals);
    free(intake);
}
