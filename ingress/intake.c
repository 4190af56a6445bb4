// The story of a request: is it genuine, which kind is it, and then it is queued
// (pending_webhook.h) or refused (refusal.h).
#include "intake.h"

#include "dialout_id.h"
#include "intake_metrics.h"
#include "json.h"
#include "log.h"
#include "memory.h"
#include "pending_webhook.h"
#include "refusal.h"
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
    uint64_t verifications;       // since the log had one
    uint64_t log_verification_ms; // when it may have the next
};

// --- refusing ---------------------------------------------------------------------------------

bool intake_is_proxy(const char *address, void *arg)
{
    const struct intake *intake = arg;
    return peer_is_proxy(intake->settings.proxies, address);
}

void intake_on_refusal(const char *code, void *arg)
{
    const struct intake *intake = arg;
    refusal_note(intake->refusals, code);
}

static void find_peer(const struct intake *intake, const struct http_request *request,
                      char peer[PEER_BYTES])
{
    struct bytes forwarded_for;
    bytes_init(&forwarded_for, HTTP_HEAD_BYTES_MAX);
    http_request_header_joined(request, "X-Forwarded-For", &forwarded_for);
    peer_of(intake->settings.proxies, http_request_peer(request), bytes_text(&forwarded_for), peer);
    bytes_release(&forwarded_for);
}

static void refuse(const struct intake *intake, struct http_request *request, unsigned status,
                   const char *code, const char *sentence)
{
    char peer[PEER_BYTES];
    find_peer(intake, request, peer);
    const struct refusal refusal = {status, code, sentence, peer};
    refusal_answer(intake->refusals, request, &refusal);
}

static const char *sentence_of(const char *code)
{
    return !strcmp(code, "missing_signature")
               ? "the request is not signed: X-Pinless-Signature and X-Pinless-Timestamp are "
                 "required"
           : !strcmp(code, "stale_timestamp")
               ? "X-Pinless-Timestamp is more than 300 s away from now"
               : "the signature is wrong";
}

static void refuse_as_not_genuine(const struct intake *intake, struct http_request *request,
                                  const char *code)
{
    refuse(intake, request, 401, code, sentence_of(code));
}

// A request with a good signature or key that cannot be taken.
static void refuse_from(const struct intake *intake, struct http_request *request,
                        const struct auth *auth, const struct refusal *refusal)
{
    char peer[PEER_BYTES], secret[SIGNATURE_NAME_BYTES];
    struct refusal of_peer = *refusal;
    find_peer(intake, request, peer);
    of_peer.peer = peer;
    if (auth->is_genuine) {
        auth_name(auth, &intake->settings.auth, secret);
        refusal_answer_genuine(intake->refusals, request, &of_peer, secret,
                               stream_writer_now_ms(intake->writer));
    } else {
        refusal_answer(intake->refusals, request, &of_peer);
    }
}

static struct auth_credentials credentials_of(const struct http_request *request)
{
    return (struct auth_credentials){
        .timestamp = http_request_header(request, "X-Pinless-Timestamp"),
        .signature = http_request_header(request, "X-Pinless-Signature"),
        .authorization = http_request_header(request, "Authorization"),
    };
}

// --- queueing -----------------------------------------------------------------------------------

// The call's id: Daily's, or of a dial-out its own. NULL when it is good, else a sentence.
static const char *choose_call_id(const struct pending_new *new, const struct auth *auth,
                                  const struct webhook *webhook, char call_id[DIALOUT_ID_BYTES])
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
    if (dialout.is_signed && header) {
        log_warning("Idempotency-Key is ignored: the signature does not cover it; put "
                    "idempotency_key into the body",
                    log_view("peer", new->entry.peer));
    }
    return dialout_id_choose(&dialout, call_id);
}

static void queue(struct intake *intake, struct http_request *request, const struct auth *auth,
                  const struct webhook *webhook)
{
    char call_id[DIALOUT_ID_BYTES], peer[PEER_BYTES];
    const struct auth_credentials given = credentials_of(request);
    find_peer(intake, request, peer);
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
                .signed_for = view_of_text(auth_signed_for(auth, &intake->settings.auth)),
                .flaw = view_of_text(webhook->flaw),
            },
    };
    const char *problem = choose_call_id(&new, auth, webhook, call_id);
    if (problem) {
        const struct refusal refusal = {400, "invalid_field", problem, NULL};
        refuse_from(intake, request, auth, &refusal);
        return;
    }
    new.entry.call_id = view_of_text(call_id);
    pending_webhooks_add(intake->pending, &new);
}

// --- the story --------------------------------------------------------------------------------

static bool is_busy(const struct intake *intake)
{
    return pending_webhooks_count(intake->pending) >= intake->settings.in_flight_max;
}

void intake_on_head(struct http_request *request, void *arg)
{
    struct intake *intake = arg;
    const struct auth_credentials given = credentials_of(request);
    uint64_t length = http_request_length(request);
    const struct auth_clocks clock = {loop_wall_ms(), stream_writer_now_ms(intake->writer)};
    const char *failure = auth_refuse_at_head(&intake->settings.auth, &given, &clock);
    if (is_busy(intake)) {
        refuse(intake, request, 503, "busy", "too many webhooks are in flight; try again");
    } else if (failure && length == UINT64_MAX) { // it may still be a verification request
        const struct http_cut cut = {WEBHOOK_UNSIGNED_BYTES_MAX, "401 Unauthorized", failure,
                                     sentence_of(failure)};
        http_request_limit_body(request, &cut);
    } else if (failure && length > WEBHOOK_UNSIGNED_BYTES_MAX) {
        refuse_as_not_genuine(intake, request, failure);
    }
}

static void answer_verification(struct intake *intake, struct http_request *request)
{
    uint64_t now_ms = loop_now_ms();
    (*intake->counts.verified)++;
    intake->verifications++;
    if (now_ms >= intake->log_verification_ms) { // anybody may ask, as often as he likes
        log_info("verification request answered",
                 log_number("count", (int64_t)intake->verifications),
                 log_text("peer", http_request_peer(request)));
        intake->verifications = 0;
        intake->log_verification_ms = now_ms + REFUSAL_LOG_MS;
    }
    http_reply(request, 200, VIEW("{\"status\":\"success\",\"message\":\"Test request received\"}"),
               NULL);
}

static void take_webhook(struct intake *intake, struct http_request *request,
                         const struct auth *auth, const struct webhook *webhook)
{
    const char *failure = auth_authorize(auth, &intake->settings.auth, webhook->kind, webhook->to);
    if (failure) {
        const struct refusal refusal = {401, failure, sentence_of(failure), NULL};
        refuse_from(intake, request, auth, &refusal);
    } else if (is_busy(intake)) {
        refuse(intake, request, 503, "busy", "too many webhooks are in flight; try again");
    } else {
        queue(intake, request, auth, webhook);
    }
}

static void read_webhook(struct intake *intake, struct http_request *request,
                         const struct auth *auth)
{
    struct webhook webhook;
    const char *signed_for = auth_signed_for(auth, &intake->settings.auth);
    switch (webhook_read(&webhook, http_request_body(request), view_of_text(signed_for))) {
    case WEBHOOK_VERIFICATION:
        answer_verification(intake, request);
        break;
    case WEBHOOK_REFUSED: {
        const struct refusal refusal = {400, webhook.code, webhook.sentence, NULL};
        refuse_from(intake, request, auth, &refusal);
        break;
    }
    case WEBHOOK_CALL:
        take_webhook(intake, request, auth, &webhook);
        break;
    }
    webhook_release(&webhook);
}

void intake_on_request(struct http_request *request, void *arg)
{
    struct intake *intake = arg;
    struct bytes_view body = http_request_body(request);
    const struct auth_credentials given = credentials_of(request);
    struct auth auth;
    const struct auth_clocks clock = {loop_wall_ms(), stream_writer_now_ms(intake->writer)};
    auth_check(&auth, &intake->settings.auth, &given, body, &clock);
    if (!auth.failure) {
        http_request_is_genuine(request);
        if (auth.match.count > 0) {
            intake_counts_signature(&intake->counts, auth.match.indexes[0]);
        }
        read_webhook(intake, request, &auth);
    } else if (body.len <= WEBHOOK_UNSIGNED_BYTES_MAX && webhook_is_verification(body)) {
        answer_verification(intake, request);
    } else {
        const struct refusal refusal = {401, auth.failure, sentence_of(auth.failure), NULL};
        refuse_from(intake, request, &auth, &refusal);
    }
}

void intake_on_health(struct http_request *request, void *arg)
{
    (void)arg;
    http_reply(request, 200, VIEW("{\"status\":\"ok\"}"), NULL);
}

void intake_reload(struct intake *intake, const struct auth_rules *auth,
                   const struct redis_address *redis)
{
    intake->settings.auth = *auth;
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
    intake->refusals = refusals_open(intake->writer, &intake->counts);
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
    if (intake->spool) {
        json_line_number(line, "spool_bytes", spool_bytes(intake->spool));
        json_line_number(line, "spool_bytes_max", intake->settings.spool_bytes_max);
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
    stream_writer_close(intake->writer); // its callbacks forget the pending writes
    if (intake->spool) {
        spool_close(intake->spool);
    }
    pending_webhooks_close(intake->pending);
    refusals_close(intake->refusals);
    free(intake);
}
