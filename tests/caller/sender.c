// A burst keeps one request on each connection; a rate sends when a webhook is due, whatever the
// ingress does, and counts the latency from then on: a server that stalls cannot hide it by slowing
// the caller down. Webhooks of one call that are sent several times leave one behind the other.
#include "sender.h"

#include "http_client.h"
#include "memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TICK_MS 1
#define UNREACHABLE_MAX 100 // so many without a connection and none with: nobody is there
#define HEADERS_MAX 5
#define HEADER_BYTES_MAX 1024

struct sender {
    struct loop *loop;
    struct plan *plan;
    struct progress *progress;
    struct sent *sent;
    struct http_client *client;
    struct loop_timer *tick;
    uint64_t total;
    uint64_t in_flight, answered;
    uint64_t begun_us, last_us;
    bool is_given_up;
};

struct exchange {
    struct sender *sender;
    size_t index;
    uint64_t due_us;
};

static void send_more(struct sender *sender);

static void note_text(char *out, size_t size, struct bytes_view text)
{
    if (out[0] == '\0') {
        view_copy(text, out, size);
    }
}

static void note_answer(struct sender *sender, const struct exchange *exchange,
                        const struct http_answer *answer)
{
    struct sent *sent = sender->sent;
    if (answer->outcome != HTTP_ANSWERED) {
        *(answer->outcome == HTTP_NOT_SENT ? &sent->not_sent : &sent->unknown) += 1;
        note_text(sent->error, sizeof sent->error, view_of_text(answer->error));
        return;
    }
    uint64_t latency_us = sender->last_us - exchange->due_us;
    sent->latencies_us[sent->latency_count++] =
        latency_us < UINT32_MAX ? (uint32_t)latency_us : UINT32_MAX;
    sent->statuses[answer->status < SENDER_STATUS_END ? answer->status : 0]++;
    if (answer->status != 200) {
        note_text(sent->refusal, sizeof sent->refusal, answer->body);
        return;
    }
    static const char SPOOLED[] = "\"spooled\":true";
    sent->acknowledged++;
    sent->is_acknowledged[exchange->index] = true;
    sent->spooled += answer->body.len > 0 && memmem(answer->body.data, answer->body.len, SPOOLED,
                                                    sizeof SPOOLED - 1) != NULL;
}

static void on_answer(const struct http_answer *answer, void *arg)
{
    struct exchange *exchange = arg;
    struct sender *sender = exchange->sender;
    sender->last_us = loop_now_us();
    sender->in_flight--;
    sender->answered++;
    note_answer(sender, exchange, answer);
    free(exchange);
    sender->is_given_up |=
        sender->sent->not_sent >= UNREACHABLE_MAX && sender->sent->not_sent == sender->answered;
    send_more(sender);
}

// Writes the headers into `lines`; `headers` points there.
static void write_headers(const struct sender *sender, const struct planned_webhook *webhook,
                          char lines[HEADERS_MAX][HEADER_BYTES_MAX], const char **headers)
{
    const struct options *options = sender->plan->options;
    size_t count = 0;
    snprintf(lines[count++], HEADER_BYTES_MAX, "Content-Type: application/json");
    if (options->secret) {
        const char *scheme = options->trunk ? "Siptrunk" : options->events ? "Webhook" : "Pinless";
        snprintf(lines[count++], HEADER_BYTES_MAX, "X-%s-Timestamp: %s", scheme,
                 webhook->timestamp);
        snprintf(lines[count++], HEADER_BYTES_MAX, "X-%s-Signature: %s", scheme,
                 webhook->signature);
    }
    if (options->api_key) {
        snprintf(lines[count++], HEADER_BYTES_MAX, "Authorization: Bearer %s", options->api_key);
    }
    if (options->dialout) {
        snprintf(lines[count++], HEADER_BYTES_MAX, "Idempotency-Key: %s", webhook->call_id);
    }
    for (size_t i = 0; i < count; i++) {
        headers[i] = lines[i];
    }
    headers[count] = NULL;
}

static void send_one(struct sender *sender, uint64_t due_us)
{
    char lines[HEADERS_MAX][HEADER_BYTES_MAX];
    const char *headers[HEADERS_MAX + 1];
    size_t index = sender->sent->sends / sender->plan->options->repeat;
    const struct planned_webhook *webhook = &sender->plan->webhooks[index];
    plan_freshen(sender->plan, index);
    write_headers(sender, webhook, lines, headers);
    const struct http_post post = {
        .url = sender->plan->options->url,
        .headers = headers,
        .body = webhook->body,
        .timeout_ms = SENDER_TIMEOUT_MS,
    };
    struct exchange *exchange = memory_zeroed(sizeof *exchange);
    *exchange = (struct exchange){sender, index, due_us};
    sender->sent->sends++;
    sender->in_flight++;
    http_client_post(sender->client, &post, on_answer, exchange);
}

static void send_more(struct sender *sender)
{
    const struct options *options = sender->plan->options;
    uint64_t now_us = loop_now_us();
    uint64_t room = options->rate > 0 ? SENDER_IN_FLIGHT_MAX : options->connections;
    while (sender->sent->sends < sender->total && sender->in_flight < room &&
           !sender->is_given_up) {
        uint64_t due_us = now_us;
        if (options->rate > 0) {
            due_us = sender->begun_us +
                     (uint64_t)((double)sender->sent->sends * 1000000 / options->rate);
        }
        if (due_us > now_us) {
            break;
        }
        send_one(sender, due_us);
    }
    bool is_all_sent = sender->sent->sends == sender->total || sender->is_given_up;
    if (is_all_sent && sender->in_flight == 0) {
        loop_stop(sender->loop);
    }
}

static void tick(void *arg)
{
    struct sender *sender = arg;
    send_more(sender);
    progress_show(sender->progress, "sending", sender->answered, sender->total);
    loop_timer_start(sender->tick, TICK_MS);
}

void sender_run(struct loop *loop, struct plan *plan, struct progress *progress, struct sent *sent)
{
    const struct options *options = plan->options;
    struct sender sender = {
        .loop = loop,
        .plan = plan,
        .progress = progress,
        .sent = sent,
        .total = plan->count * options->repeat,
    };
    *sent = (struct sent){0};
    sent->latencies_us = memory_zeroed(sender.total * sizeof *sent->latencies_us);
    sent->is_acknowledged = memory_zeroed(plan->count * sizeof *sent->is_acknowledged);
    const struct http_client_settings client_settings = {
        .connections_max = (unsigned)options->connections,
        .connect_timeout_ms = HTTP_CONNECT_TIMEOUT_MS,
    };
    sender.client = http_client_open(loop, &client_settings);
    sender.tick = loop_timer_open(loop, tick, &sender);
    sender.begun_us = sender.last_us = loop_now_us();
    loop_timer_start(sender.tick, 0);
    loop_run(loop);
    sender.is_given_up = true; // what is still out is broken off, and nothing more is sent
    loop_timer_close(sender.tick);
    http_client_close(sender.client);
    sent->took_us = sender.last_us - sender.begun_us;
    progress_clear(progress);
}

void sent_release(struct sent *sent)
{
    free(sent->latencies_us);
    free(sent->is_acknowledged);
}
