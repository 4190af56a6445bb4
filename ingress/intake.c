// A webhook that is to be queued is an `append`: it is held from its XADD to its answer, in the
// order of arrival. An append whose XADD could not be sent, was refused or got no answer simply
// waits and is sent again when Redis is up; a second copy of an entry ends as a duplicate in the
// worker, a lost caller would not. After INTAKE_WAIT_MS the sender gets its 503.
//
// Surprising: the sender may get 503 while the XADD is still out, and the entry then appears all
// the same. The append outlives its request for that long.
#include "intake.h"

#include "json.h"
#include "log.h"
#include "memory.h"
#include "webhook.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define TICK_MS 100
#define ANSWER_BYTES_MAX 1024
#define REFUSAL_CODES_MAX 16

enum append_state { APPEND_WAITING, APPEND_SENT };

struct append {
    struct append *next, *previous;
    struct intake *intake;
    struct http_request *request; // NULL: answered already
    enum append_state state;
    uint64_t begun_ms;
    struct webhook_entry entry; // points into the request, and into the texts below
    char call_id[WEBHOOK_CALL_ID_BYTES_MAX + 1];
    char to[sizeof((struct webhook *)0)->to];
    char peer[PEER_BYTES];
    char sha256[SIGNATURE_SHA256_HEX];
};

struct refusal_counter {
    const char *code;
    uint64_t *count;
};

struct intake {
    struct intake_settings settings;
    struct redis *redis;
    struct loop_timer *tick;
    bool is_ticking;
    struct bytes stream; // the key of the webhooks
    struct append *oldest, *newest;
    size_t in_flight;
    uint64_t *queued;
    uint64_t *verified;
    uint64_t *append_errors;
    struct refusal_counter refusals[REFUSAL_CODES_MAX];
    int64_t *in_flight_now;
    struct metrics_histogram *latency;
};

// --- refusing ---------------------------------------------------------------------------------

void intake_on_refusal(const char *code, void *arg)
{
    struct intake *intake = arg;
    for (struct refusal_counter *refusal = intake->refusals; refusal->code; refusal++) {
        if (!strcmp(refusal->code, code)) {
            (*refusal->count)++;
            return;
        }
    }
    assert(false); // a refusal without a counter
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

// --- queueing ---------------------------------------------------------------------------------

static void on_appended(const redisReply *reply, void *arg);
static void on_tick(void *arg);

static void send_append(struct append *append)
{
    struct intake *intake = append->intake;
    struct webhook_entry_arguments arguments;
    webhook_entry_to_xadd(&append->entry, bytes_view(&intake->stream), &arguments);
    if (redis_send(intake->redis, arguments.argc, arguments.argv, on_appended, append)) {
        append->state = APPEND_SENT;
    }
}

static void send_waiting(struct intake *intake)
{
    for (struct append *append = intake->oldest; append && redis_is_up(intake->redis);
         append = append->next) {
        // NOLINTNEXTLINE(clang-analyzer-unix.Malloc): what was forgotten is in no list
        if (append->state == APPEND_WAITING) {
            send_append(append);
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

static void forget(struct append *append)
{
    struct intake *intake = append->intake;
    *(append->previous ? &append->previous->next : &intake->oldest) = append->next;
    *(append->next ? &append->next->previous : &intake->newest) = append->previous;
    *intake->in_flight_now = (int64_t)--intake->in_flight;
    free(append);
}

static void acknowledge(struct append *append, struct bytes_view entry_id)
{
    struct intake *intake = append->intake;
    struct bytes body;
    bytes_init(&body, ANSWER_BYTES_MAX);
    bytes_append_text(&body, "{\"status\":\"queued\",\"id\":");
    json_append_text(&body, entry_id);
    bytes_append_text(&body, ",\"call_id\":");
    json_append_text(&body, append->entry.call_id);
    bytes_append_text(&body, "}");
    metrics_observe(intake->latency, loop_now_us() - http_request_begun_us(append->request));
    (*intake->queued)++;
    log_info("webhook queued", log_view("call_id", append->entry.call_id),
             log_view("entry", entry_id), log_phone("to", append->to),
             log_text("peer", append->peer));
    http_reply(append->request, 200, bytes_view(&body), NULL);
    bytes_release(&body);
}

static void on_appended(const redisReply *reply, void *arg)
{
    struct append *append = arg;
    struct intake *intake = append->intake;
    bool has_it = reply && reply->type == REDIS_REPLY_STRING;
    if (has_it && append->request) {
        acknowledge(append, (struct bytes_view){reply->str, reply->len});
    }
    if (has_it || !append->request) {
        forget(append);
        return;
    }
    append->state = APPEND_WAITING; // on_tick sends it again
    if (reply && reply->type == REDIS_REPLY_ERROR) {
        if ((*intake->append_errors)++ % 1000 == 0) {
            log_error("Redis refuses webhooks", log_text("error", reply->str));
        }
        if (redis_error_of(reply) == REDIS_ELSEWHERE) {
            redis_restart(intake->redis);
        }
    }
}

static void on_redis(bool up, void *arg)
{
    if (up) {
        send_waiting(arg);
    }
}

static void on_tick(void *arg)
{
    struct intake *intake = arg;
    uint64_t now_ms = loop_now_ms();
    struct append *next = NULL;
    intake->is_ticking = false;
    for (struct append *append = intake->oldest;
         append && now_ms - append->begun_ms > INTAKE_WAIT_MS; append = next) {
        next = append->next;
        if (append->request) {
            refuse(intake, append->request, 503, "queue_unavailable",
                   "the queue cannot be reached; try again");
            append->request = NULL;
        }
        if (append->state == APPEND_WAITING) {
            forget(append);
        }
    }
    send_waiting(intake);
    keep_ticking(intake);
}

// A dial-out has no callId of Daily's: the sender's Idempotency-Key, or a random one.
static bool choose_call_id(struct append *append, const struct webhook *webhook)
{
    const char *key = http_request_header(append->request, "Idempotency-Key");
    if (webhook->call_id[0]) {
        memcpy(append->call_id, webhook->call_id, sizeof append->call_id);
    } else if (key) {
        if (!webhook_call_id_is_valid(view_of_text(key))) {
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
        .received_ms = redis_now_ms(intake->redis),
        .timestamp = view_of_text(given.timestamp),
        .signature = view_of_text(given.signature),
        .peer = view_of_text(append->peer),
        .body = http_request_body(request),
        .sha256 = view_of_text(append->sha256),
    };
    append->previous = intake->newest;
    *(intake->newest ? &intake->newest->next : &intake->oldest) = append;
    intake->newest = append;
    *intake->in_flight_now = (int64_t)++intake->in_flight;
    send_append(append);
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
    (*intake->verified)++;
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
    return redis_is_up(intake->redis) ? NULL : "Redis cannot be reached (REDIS_URL)";
}

// --- opening and closing ----------------------------------------------------------------------

static void register_metrics(struct intake *intake, struct metrics *metrics)
{
    static const char NAME[] = "dialin_webhooks_total";
    static const char HELP[] = "Requests to the dial-in path, by what became of them.";
    static const struct {
        const char *code;
        const char *labels;
    } CODES[] = {
#define CODE(code) {code, "result=\"" code "\""}
        CODE("bad_request"),
        CODE("invalid_json"),
        CODE("missing_fields"),
        CODE("invalid_field"),
        CODE("missing_signature"),
        CODE("invalid_signature"),
        CODE("stale_timestamp"),
        CODE("not_found"),
        CODE("method_not_allowed"),
        CODE("request_timeout"),
        CODE("body_too_large"),
        CODE("queue_unavailable"),
        CODE("busy"),
#undef CODE
    };
    static_assert(sizeof CODES / sizeof CODES[0] < REFUSAL_CODES_MAX, "one row stays empty");
    intake->queued = metrics_counter(metrics, NAME, HELP, "result=\"queued\"");
    intake->verified = metrics_counter(metrics, NAME, HELP, "result=\"verification\"");
    for (size_t i = 0; i < sizeof CODES / sizeof CODES[0]; i++) {
        intake->refusals[i].code = CODES[i].code;
        intake->refusals[i].count = metrics_counter(metrics, NAME, HELP, CODES[i].labels);
    }
    intake->append_errors =
        metrics_counter(metrics, "dialin_append_errors_total", "XADDs that Redis refused.", NULL);
    intake->in_flight_now = metrics_gauge(metrics, "dialin_webhooks_in_flight",
                                          "Webhooks received and not answered yet.", NULL);
    intake->latency = metrics_seconds(metrics, "dialin_acknowledge_seconds",
                                      "From a webhook's first line to its acknowledgement.");
}

struct intake *intake_open(struct loop *loop, const struct redis_address *redis,
                           const struct intake_settings *settings, struct metrics *metrics)
{
    struct intake *intake = memory_zeroed(sizeof *intake);
    intake->settings = *settings;
    bytes_init(&intake->stream, 256);
    bytes_printf(&intake->stream, "%s:webhooks", settings->redis_prefix);
    register_metrics(intake, metrics);
    intake->tick = loop_timer_open(loop, on_tick, intake);
    intake->redis = redis_open(loop, redis, "dialin-ingress", on_redis, intake);
    return intake;
}

void intake_close(struct intake *intake)
{
    for (struct append *append = intake->oldest; append; append = append->next) {
        if (append->request) {
            refuse(intake, append->request, 503, "queue_unavailable", "the ingress is leaving");
            append->request = NULL;
        }
    }
    redis_close(intake->redis); // appends that were sent are forgotten in their callbacks
    struct append *next = NULL;
    for (struct append *append = intake->oldest; append; append = next) {
        next = append->next;
        forget(append);
    }
    loop_timer_close(intake->tick);
    bytes_release(&intake->stream);
    free(intake);
}
