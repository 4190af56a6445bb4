// A webhook that is to be queued is an `append`: it is held from its writing to its answer, in the
// order of arrival. One that could not be written, was refused or got no answer simply waits and is
// written again when Redis is up; a second copy of an entry ends as a duplicate in the worker, a
// lost caller would not. After INTAKE_SPOOL_MS without an answer the spool keeps it too, and
// whoever has it first answers; after INTAKE_WAIT_MS the sender gets its 503.
//
// Surprising: the sender may have its answer while Redis or the spool is still at it. The append
// outlives its request for that long.
#include "intake.h"

#include "intake_metrics.h"
#include "json.h"
#include "log.h"
#include "memory.h"
#include "webhook.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define TICK_MS 50
#define ANSWER_BYTES_MAX 1024

struct append {
    struct append *next, *previous;
    struct intake *intake;
    struct http_request *request; // NULL: answered already
    bool is_written;              // to Redis, whose answer is out
    bool is_spooling;             // the spool's answer is out
    uint64_t begun_ms;
    struct webhook_entry entry; // points into the request, and into the texts below
    char call_id[WEBHOOK_CALL_ID_BYTES_MAX + 1];
    char to[sizeof((struct webhook *)0)->to];
    char peer[PEER_BYTES];
    char sha256[SIGNATURE_SHA256_HEX];
};

struct intake {
    struct intake_settings settings;
    struct stream_writer *writer;
    struct spool *spool; // NULL: there is none
    struct loop_timer *tick;
    bool is_ticking;
    struct append *oldest, *newest;
    size_t in_flight;
    struct intake_counts counts;
};

// --- refusing ---------------------------------------------------------------------------------

void intake_on_refusal(const char *code, void *arg)
{
    const struct intake *intake = arg;
    intake_counts_refusal(&intake->counts, code);
}

static void refuse(struct intake *intake, struct http_request *request, unsigned status,
                   const char *code, const char *sentence)
{
    log_info("webhook refused", log_text("code", code), log_text("reason", sentence),
             log_text("peer", http_request_peer(request)));
    http_refuse(request, status, code, sentence, status == 503 ? INTAKE_RETRY_AFTER_S : 0);
    intake_on_refusal(code, intake);
}

static void refuse_as_not_genuine(struct intake *intake, struct http_request *request,
                                  const char *code)
{
    const char *sentence = "the signature is wrong";
    if (!strcmp(code, "missing_signature")) {
        sentence = "the request is not signed: X-Pinless-Signature and X-Pinless-Timestamp are "
                   "required";
    } else if (!strcmp(code, "stale_timestamp")) {
        sentence = "X-Pinless-Timestamp is more than 300 s away from now";
    }
    refuse(intake, request, 401, code, sentence);
}

static struct sender_credentials credentials_of(const struct http_request *request)
{
    return (struct sender_credentials){
        .timestamp = http_request_header(request, "X-Pinless-Timestamp"),
        .signature = http_request_header(request, "X-Pinless-Signature"),
        .authorization = http_request_header(request, "Authorization"),
    };
}

// --- keeping ------------------------------------------------------------------------------------

static void forget(struct append *append)
{
    struct intake *intake = append->intake;
    *(append->previous ? &append->previous->next : &intake->oldest) = append->next;
    *(append->next ? &append->next->previous : &intake->newest) = append->previous;
    *intake->counts.in_flight = (int64_t)--intake->in_flight;
    free(append);
}

static void forget_when_done(struct append *append)
{
    if (!append->request && !append->is_written && !append->is_spooling) {
        forget(append);
    }
}

// `entry_id` is empty where the spool has it.
static void acknowledge(struct append *append, struct bytes_view entry_id)
{
    const struct intake *intake = append->intake;
    struct bytes body;
    bytes_init(&body, ANSWER_BYTES_MAX);
    bytes_append_text(&body, "{\"status\":\"queued\",");
    if (entry_id.len > 0) {
        bytes_append_text(&body, "\"id\":");
        json_append_text(&body, entry_id);
    } else {
        bytes_append_text(&body, "\"spooled\":true");
    }
    bytes_append_text(&body, ",\"call_id\":");
    json_append_text(&body, append->entry.call_id);
    bytes_append_text(&body, "}");
    metrics_observe(intake->counts.latency, loop_now_us() - http_request_begun_us(append->request));
    (*(entry_id.len > 0 ? intake->counts.queued : intake->counts.spooled))++;
    log_info(entry_id.len > 0 ? "webhook queued" : "webhook spooled",
             log_view("call_id", append->entry.call_id), log_view("entry", entry_id),
             log_phone("to", append->to), log_text("peer", append->peer));
    http_reply(append->request, 200, bytes_view(&body), NULL);
    append->request = NULL;
    bytes_release(&body);
}

static void on_written(struct bytes_view entry_id, void *arg)
{
    struct append *append = arg;
    append->is_written = false;
    if (entry_id.len > 0 && append->request) {
        acknowledge(append, entry_id);
    }
    forget_when_done(append); // else on_tick writes it again
}

static void write_append(struct append *append)
{
    struct webhook_entry_fields fields;
    webhook_entry_to_fields(&append->entry, &fields);
    append->is_written =
        stream_writer_write(append->intake->writer, fields.count, fields.views, on_written, append);
}

static void on_kept(bool is_kept, void *arg)
{
    struct append *append = arg;
    append->is_spooling = false;
    if (is_kept && append->request) {
        acknowledge(append, VIEW(""));
    }
    forget_when_done(append);
}

static void spool_append(struct append *append)
{
    struct webhook_entry_fields fields;
    webhook_entry_to_fields(&append->entry, &fields);
    append->is_spooling =
        spool_keep(append->intake->spool, fields.count, fields.views, on_kept, append);
}

// --- while Redis does not answer ----------------------------------------------------------------

static bool may_spool(const struct append *append, uint64_t now_ms)
{
    const struct intake *intake = append->intake;
    return intake->spool && append->request && !append->is_spooling &&
           (now_ms - append->begun_ms >= INTAKE_SPOOL_MS ||
            stream_writer_down_ms(intake->writer) >= INTAKE_SPOOL_MS);
}

static void write_waiting(struct intake *intake)
{
    for (struct append *append = intake->oldest; append && stream_writer_is_up(intake->writer);
         append = append->next) {
        // NOLINTNEXTLINE(clang-analyzer-unix.Malloc): what was forgotten is in no list
        if (!append->is_written && append->request) {
            write_append(append);
        }
    }
}

static void keep_ticking(struct intake *intake)
{
    if (!intake->is_ticking && intake->oldest) {
        intake->is_ticking = true;
        loop_timer_start(intake->tick, TICK_MS);
    }
}

static void on_tick(void *arg)
{
    struct intake *intake = arg;
    uint64_t now_ms = loop_now_ms();
    struct append *next = NULL;
    intake->is_ticking = false;
    for (struct append *append = intake->oldest; append; append = next) {
        next = append->next;
        if (may_spool(append, now_ms)) {
            spool_append(append);
        }
        if (append->request && now_ms - append->begun_ms > INTAKE_WAIT_MS) {
            refuse(intake, append->request, 503, "queue_unavailable",
                   "the queue cannot be reached; try again");
            append->request = NULL;
            forget_when_done(append);
        }
    }
    write_waiting(intake);
    keep_ticking(intake);
}

static void on_redis_up(void *arg)
{
    struct intake *intake = arg;
    write_waiting(intake);
    if (intake->spool) {
        spool_drain(intake->spool);
    }
}

// --- queueing -----------------------------------------------------------------------------------

// A dial-out has no callId of Daily's: the sender's Idempotency-Key, or a random one.
static bool choose_call_id(struct append *append, const struct webhook *webhook)
{
    const char *key = http_request_header(append->request, "Idempotency-Key");
    if (webhook->call_id[0]) {
        memcpy(append->call_id, webhook->call_id, sizeof append->call_id);
    } else if (key) {
        if (!webhook_call_id_is_valid(view_of_text(key), WEBHOOK_CALL_ID_BYTES_MAX)) {
            return false;
        }
        snprintf(append->call_id, sizeof append->call_id, "%s", key);
    } else {
        unsigned char random[16];
        ssize_t got = getrandom(random, sizeof random, 0);
        assert(got == sizeof random);
        (void)got;
        for (size_t i = 0; i < sizeof random; i++) {
            snprintf(append->call_id + 2 * i, 3, "%02x", random[i]);
        }
    }
    return true;
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

static void queue(struct intake *intake, struct http_request *request,
                  const struct webhook *webhook)
{
    struct append *append = memory_zeroed(sizeof *append);
    const struct sender_credentials given = credentials_of(request);
    append->intake = intake;
    append->request = request;
    append->begun_ms = loop_now_ms();
    if (!choose_call_id(append, webhook)) {
        refuse(intake, request, 400, "invalid_field",
               "Idempotency-Key must be 1 to 128 printable ASCII characters");
        free(append);
        return;
    }
    memcpy(append->to, webhook->to, sizeof append->to);
    find_peer(intake, request, append->peer);
    signature_sha256(http_request_body(request), append->sha256);
    append->entry = (struct webhook_entry){
        .kind = webhook->kind,
        .call_id = view_of_text(append->call_id),
        .received_ms = stream_writer_now_ms(intake->writer),
        .timestamp = view_of_text(given.timestamp),
        .signature = view_of_text(given.signature),
        .peer = view_of_text(append->peer),
        .body = http_request_body(request),
        .sha256 = view_of_text(append->sha256),
    };
    append->previous = intake->newest;
    *(intake->newest ? &intake->newest->next : &intake->oldest) = append;
    intake->newest = append;
    *intake->counts.in_flight = (int64_t)++intake->in_flight;
    write_append(append);
    if (may_spool(append, append->begun_ms)) {
        spool_append(append);
    }
    keep_ticking(intake);
}

// --- the story --------------------------------------------------------------------------------

static bool is_busy(const struct intake *intake)
{
    return intake->in_flight >= intake->settings.in_flight_max;
}

void intake_on_head(struct http_request *request, void *arg)
{
    struct intake *intake = arg;
    const struct sender_credentials given = credentials_of(request);
    uint64_t length = http_request_length(request);
    if (is_busy(intake)) {
        refuse(intake, request, 503, "busy", "too many webhooks are in flight; try again");
    } else if (!sender_has_credentials(&given) && !intake->settings.sender.allow_unsigned &&
               length != UINT64_MAX && length > WEBHOOK_UNSIGNED_BYTES_MAX) {
        refuse_as_not_genuine(intake, request, "missing_signature");
    }
}

static void answer_verification(struct intake *intake, struct http_request *request)
{
    (*intake->counts.verified)++;
    log_info("verification request answered", log_text("peer", http_request_peer(request)));
    http_reply(request, 200, VIEW("{\"status\":\"success\",\"message\":\"Test request received\"}"),
               NULL);
}

void intake_on_request(struct http_request *request, void *arg)
{
    struct intake *intake = arg;
    struct bytes_view body = http_request_body(request);
    const struct sender_rules *rules = &intake->settings.sender;
    const struct sender_credentials given = credentials_of(request);
    struct sender sender;
    struct webhook webhook;
    sender_prove(&sender, rules, &given, body, loop_wall_ms());
    if (sender.failure) {
        if (body.len <= WEBHOOK_UNSIGNED_BYTES_MAX && webhook_is_verification(body)) {
            answer_verification(intake, request);
        } else {
            refuse_as_not_genuine(intake, request, sender.failure);
        }
        return;
    }
    switch (webhook_read(&webhook, body)) {
    case WEBHOOK_VERIFICATION:
        answer_verification(intake, request);
        return;
    case WEBHOOK_REFUSED:
        refuse(intake, request, 400, webhook.code, webhook.sentence);
        return;
    case WEBHOOK_CALL:
        break;
    }
    const char *failure = sender_trespass(&sender, rules, webhook.kind, webhook.to);
    if (failure) {
        refuse_as_not_genuine(intake, request, failure);
    } else if (is_busy(intake)) {
        refuse(intake, request, 503, "busy", "too many webhooks are in flight; try again");
    } else {
        queue(intake, request, &webhook);
    }
}

const char *intake_missing(void *arg)
{
    const struct intake *intake = arg;
    if (stream_writer_is_up(intake->writer)) {
        return NULL;
    }
    return intake->spool ? spool_missing(intake->spool) : "Redis cannot be reached (REDIS_URL)";
}

// --- opening and closing ----------------------------------------------------------------------

struct intake *intake_open(struct loop *loop, const struct redis_address *redis,
                           const struct intake_settings *settings, struct metrics *metrics)
{
    struct intake *intake = memory_zeroed(sizeof *intake);
    const struct stream_writer_settings writer_settings = {settings->redis_prefix,
                                                           settings->wait_replicas};
    intake->settings = *settings;
    intake_counts_register(&intake->counts, metrics);
    intake->tick = loop_timer_open(loop, on_tick, intake);
    intake->writer =
        stream_writer_open(loop, redis, &writer_settings, metrics, on_redis_up, intake);
    if (settings->spool_folder) {
        intake->spool = spool_open(loop, settings->spool_folder, settings->spool_bytes_max,
                                   intake->writer, metrics);
        if (!intake->spool) {
            log_error("SPOOL_DIR cannot be opened", log_text("error", strerror(errno)));
        }
    }
    return intake;
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
    for (struct append *append = intake->oldest; append; append = append->next) {
        if (append->request) {
            refuse(intake, append->request, 503, "queue_unavailable", "the ingress is leaving");
            append->request = NULL;
        }
    }
    stream_writer_close(intake->writer); // appends that were written are forgotten in callbacks
    if (intake->spool) {
        spool_close(intake->spool);
    }
    struct append *next = NULL;
    for (struct append *append = intake->oldest; append; append = next) {
        next = append->next;
        forget(append);
    }
    loop_timer_close(intake->tick);
    free(intake);
}
