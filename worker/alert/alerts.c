// See alerts.h. The key of a kind holds `sending` while a worker has it, `failed` after that went
// wrong, and after a message its mark (alert_watch.h), so that the other workers know how much
// was told.
#include "alerts.h"

#include "http_client.h"
#include "json.h"
#include "log.h"
#include "memory.h"
#include "redis_command.h"
#include "redis_keys.h"

#include <stdlib.h>
#include <string.h>

#define CONNECTIONS_MAX ALERT_KIND_COUNT
#define BODY_BYTES_MAX (ALERTS_TEXT_BYTES_MAX * 6 + 64)
#define DEFAULT_PREFIX "{dialin}"
#define HTTP_REDIRECTS 300
#define ATTEMPTS_MAX 2

// A kind, which has at most one message on its way.
struct message {
    struct alerts *alerts;
    enum alert_kind kind;
    bool is_busy; // claiming, or out
    unsigned attempts;
    uint64_t look_ms; // loop_now_ms from which on it is looked at again
    uint64_t mark;
    struct bytes key, body;
    struct loop_timer *retry;
};

struct alerts {
    struct redis *redis;
    struct loop *loop;
    struct http_client *client; // NULL: no URL
    char *url;
    const char *where;
    struct alert_watch *watch;
    struct message messages[ALERT_KIND_COUNT];
    bool is_stopped, is_closing;
    uint64_t *sent, *failed;
};

static void ignore(const redisReply *reply, void *arg)
{
    (void)reply;
    (void)arg;
}

static void set_key(struct message *message, struct bytes_view value, uint64_t lives_ms)
{
    char lives[REDIS_NUMBER_BYTES];
    const struct bytes_view argv[] = {VIEW("SET"), bytes_view(&message->key), value, VIEW("PX"),
                                      redis_number(lives, lives_ms)};
    redis_send_aside(message->alerts->redis, sizeof argv / sizeof argv[0], argv, ignore, NULL);
}

static void look_again(struct message *message, uint64_t after_ms)
{
    message->is_busy = false;
    message->look_ms = loop_now_ms() + after_ms;
}

// --- the message --------------------------------------------------------------------------------

static void post(void *arg);

static void on_sent(struct message *message)
{
    char mark[REDIS_NUMBER_BYTES];
    struct alerts *alerts = message->alerts;
    set_key(message, redis_number(mark, message->mark), ALERTS_EVERY_MS);
    alert_watch_told(alerts->watch, message->kind, message->mark);
    (*alerts->sent)++;
    log_info("an alert was sent", log_text("kind", alert_kind_name(message->kind)));
    look_again(message, ALERTS_LOOK_MS);
}

static void on_failed(struct message *message, const struct http_answer *answer)
{
    struct alerts *alerts = message->alerts;
    const char *error = answer->outcome != HTTP_ANSWERED ? answer->error
                        : answer->status / 100 * 100 == HTTP_REDIRECTS
                            ? "it redirects, which is not followed"
                            : "it did not take the alert";
    set_key(message, VIEW("failed"), ALERTS_FAILED_MS);
    (*alerts->failed)++;
    log_error("an alert could not be sent: check ALERT_URL; a worker tries again in a minute",
              log_text("kind", alert_kind_name(message->kind)),
              log_view("host", route_url_host(alerts->url)), log_number("status", answer->status),
              log_text("error", error));
    look_again(message, ALERTS_FAILED_MS);
}

static void on_answer(const struct http_answer *answer, void *arg)
{
    struct message *message = arg;
    bool is_good = answer->outcome == HTTP_ANSWERED && answer->status / 100 == 2;
    if (message->alerts->is_closing) {
        return; // the claim ends soon, and another worker tells it
    }
    if (is_good) {
        on_sent(message);
    } else if (message->attempts < ATTEMPTS_MAX && !message->alerts->is_stopped) {
        loop_timer_start(message->retry, ALERTS_RETRY_MS);
    } else {
        on_failed(message, answer);
    }
}

static void post(void *arg)
{
    static const char *const HEADERS[] = {"Content-Type: application/json",
                                          "User-Agent: dialin/" DIALIN_VERSION, NULL};
    struct message *message = arg;
    const struct alerts *alerts = message->alerts;
    const struct http_post request = {
        .url = alerts->url,
        .headers = HEADERS,
        .body = bytes_view(&message->body),
        .timeout_ms = ALERTS_TIMEOUT_MS,
    };
    if (!alerts->client) { // ALERT_URL was taken away meanwhile
        look_again(message, 0);
        return;
    }
    message->attempts++;
    http_client_post(alerts->client, &request, on_answer, message);
}

static bool compose(struct message *message)
{
    struct alert_facts facts;
    struct bytes text;
    bool is_due = alert_watch_is_due(message->alerts->watch, message->kind, &facts);
    if (is_due) {
        bytes_init(&text, ALERTS_TEXT_BYTES_MAX);
        alert_text(message->kind, &facts, message->alerts->where, &text);
        bytes_clear(&message->body);
        bytes_append_text(&message->body, "{\"text\":");
        json_append_text(&message->body, bytes_view(&text));
        bytes_append_text(&message->body, "}");
        message->mark = facts.mark;
        bytes_release(&text);
    }
    return is_due;
}

// --- who sends it -------------------------------------------------------------------------------

static void report_refusal(const struct message *message, const redisReply *reply)
{
    log_error("an alert cannot be sent, because Redis refuses its key",
              log_text("kind", alert_kind_name(message->kind)), log_text("error", reply->str));
}

static void on_claimed(const redisReply *reply, void *arg)
{
    struct message *message = arg;
    struct alerts *alerts = message->alerts;
    if (!reply || alerts->is_stopped) {
        look_again(message, ALERTS_LOOK_MS);
    } else if (reply_is_error(reply)) {
        report_refusal(message, reply);
        look_again(message, ALERTS_FAILED_MS);
    } else if (reply->type != REDIS_REPLY_NIL) { // another worker has it, or has told it
        alert_watch_told(alerts->watch, message->kind, view_number(reply_view(reply)));
        look_again(message, ALERTS_LOOK_MS);
    } else if (compose(message)) {
        message->attempts = 0;
        post(message);
    } else { // it was over by then
        look_again(message, 0);
    }
}

static void claim(struct message *message)
{
    char lives[REDIS_NUMBER_BYTES];
    const struct bytes_view argv[] = {VIEW("SET"),
                                      bytes_view(&message->key),
                                      VIEW("sending"),
                                      VIEW("PX"),
                                      redis_number(lives, ALERTS_CLAIM_MS),
                                      VIEW("NX"),
                                      VIEW("GET")};
    message->is_busy = redis_send_aside(message->alerts->redis, sizeof argv / sizeof argv[0], argv,
                                        on_claimed, message);
}

void alerts_take(struct alerts *alerts, const struct snapshot *snapshot)
{
    struct alert_facts facts;
    if (!alerts->client || alerts->is_stopped) {
        return;
    }
    alert_watch_take(alerts->watch, snapshot);
    for (size_t i = 0; i < ALERT_KIND_COUNT; i++) {
        struct message *message = &alerts->messages[i];
        if (!message->is_busy && loop_now_ms() >= message->look_ms &&
            alert_watch_is_due(alerts->watch, message->kind, &facts)) {
            claim(message);
        }
    }
}

// --- opening and closing ------------------------------------------------------------------------

static void open_client(struct alerts *alerts, const struct alerts_settings *settings)
{
    const struct http_client_settings client_settings = {
        .connections_max = CONNECTIONS_MAX,
        .connect_timeout_ms = ALERTS_TIMEOUT_MS,
        .authorities = settings->authorities,
    };
    alerts->url = settings->url ? memory_text(settings->url) : NULL;
    alerts->client = settings->url ? http_client_open(alerts->loop, &client_settings) : NULL;
}

static void close_client(struct alerts *alerts)
{
    if (alerts->client) {
        http_client_close(alerts->client);
    }
    if (alerts->url) {
        memory_wipe(alerts->url, strlen(alerts->url));
    }
    alerts->client = NULL;
    free(alerts->url);
}

static void open_message(struct alerts *alerts, enum alert_kind kind, const char *prefix)
{
    struct message *message = &alerts->messages[kind];
    message->alerts = alerts;
    message->kind = kind;
    bytes_init(&message->key, REDIS_KEY_BYTES_MAX);
    bytes_init(&message->body, BODY_BYTES_MAX);
    redis_key_set(&message->key, prefix, REDIS_KEY_ALERTED, view_of_text(alert_kind_name(kind)));
    message->retry = loop_timer_open(alerts->loop, post, message);
}

struct alerts *alerts_open(struct loop *loop, struct redis *redis,
                           const struct alerts_settings *settings, struct metrics *metrics)
{
    static const char NAME[] = "dialin_alerts_total", HELP[] = "Messages to ALERT_URL.";
    struct alerts *alerts = memory_zeroed(sizeof *alerts);
    alerts->loop = loop;
    alerts->redis = redis;
    alerts->where = strcmp(settings->prefix, DEFAULT_PREFIX) != 0 ? settings->prefix : "";
    alerts->watch = alert_watch_open();
    alerts->sent = metrics_counter(metrics, NAME, HELP, "result=\"sent\"");
    alerts->failed = metrics_counter(metrics, NAME, HELP, "result=\"failed\"");
    for (size_t i = 0; i < ALERT_KIND_COUNT; i++) {
        open_message(alerts, (enum alert_kind)i, settings->prefix);
    }
    open_client(alerts, settings);
    return alerts;
}

void alerts_reload(struct alerts *alerts, const struct alerts_settings *settings)
{
    if (alerts->client && texts_equal(alerts->url, settings->url)) {
        http_client_trust(alerts->client, settings->authorities);
        return;
    }
    if (!alerts->url) {
        alert_watch_close(alerts->watch);
        alerts->watch = alert_watch_open();
    }
    close_client(alerts); // messages that are out fail, and go to the new URL
    open_client(alerts, settings);
}

bool alerts_are_wanted(const struct alerts *alerts)
{
    return alerts->client != NULL;
}

void alerts_stop(struct alerts *alerts)
{
    alerts->is_stopped = true;
}

void alerts_close(struct alerts *alerts)
{
    alerts->is_closing = true;
    close_client(alerts);
    for (size_t i = 0; i < ALERT_KIND_COUNT; i++) {
        loop_timer_close(alerts->messages[i].retry);
        bytes_release(&alerts->messages[i].key);
        bytes_release(&alerts->messages[i].body);
    }
    alert_watch_close(alerts->watch);
    free(alerts);
}
