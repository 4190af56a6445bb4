// See lookup.h.
#include "lookup.h"

#include "base64.h"
#include "hmac.h"
#include "log.h"
#include "memory.h"
#include "trunk_webhook.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MS_PER_S 1000
#define HEADER_BYTES_MAX 512

// A URL that has failed lately.
struct failing {
    struct failing *next;
    unsigned failures; // in a row
    uint64_t until_ms; // left alone until then; 0: it is not
    char url[];
};

struct lookups {
    struct http_client *client;
    struct failing *first;
};

struct question {
    struct lookups *lookups;
    lookup_on_answer *on_answer;
    void *arg;
    char *url;
};

// --- the circuit breaker ------------------------------------------------------------------------

static struct failing *find(const struct lookups *lookups, const char *url)
{
    struct failing *failing = lookups->first;
    while (failing && strcmp(failing->url, url) != 0) {
        failing = failing->next;
    }
    return failing;
}

static bool is_left_alone(const struct failing *failing)
{
    return failing && failing->until_ms > loop_now_ms();
}

// Requests that were out when their URL was left alone count no more.
static void note(struct lookups *lookups, const char *url, const char *problem)
{
    struct failing *failing = find(lookups, url);
    if (!failing && problem) {
        failing = memory_zeroed(sizeof *failing + strlen(url) + 1);
        memcpy(failing->url, url, strlen(url) + 1);
        failing->next = lookups->first;
        lookups->first = failing;
    }
    if (!problem && failing) {
        failing->failures = 0;
    } else if (problem && !is_left_alone(failing) && ++failing->failures >= LOOKUP_FAILURES_MAX) {
        failing->until_ms = loop_now_ms() + LOOKUP_PAUSE_MS;
        failing->failures = 0;
        log_error("a lookup fails, and is left alone for 10 s: calls go on without it",
                  log_view("url", route_url_without_query(url)), log_text("error", problem));
    }
}

// --- the request --------------------------------------------------------------------------------

static void put_text(struct bytes *out, const char *name, const char *text)
{
    bytes_printf(out, ",\"%s\":", name);
    json_append_text(out, view_of_text(text ? text : ""));
}

static void write_body(const struct call *call, struct bytes *out)
{
    struct webhook_repaired webhook;
    const struct webhook_entry entry = call_entry(call);
    bool is_usable = webhook_repair_entry(&webhook, &entry);
    const cJSON *headers =
        is_usable ? cJSON_GetObjectItemCaseSensitive(webhook.document.tree, "sipHeaders") : NULL;
    bytes_append_text(out, "{\"call_id\":");
    json_append_text(out, view_of_text(call->call_id));
    put_text(out, "kind", webhook_kind_name(call->kind));
    put_text(out, "from", call->facts.from);
    put_text(out, "to", call->facts.to);
    bytes_append_text(out, ",\"sip_headers\":");
    if (!headers || !json_print(headers, out)) {
        bytes_append_text(out, "null");
    }
    bytes_printf(out, ",\"received_ms\":%" PRIu64, call->received_ms);
    put_text(out, "route", route_place_name(&call->place));
    bytes_append_text(out, "}");
    webhook_repair_release(&webhook);
}

// https://www.standardwebhooks.com: HMAC-SHA256 of `<id>.<timestamp>.<body>`.
static void sign(const struct route_lookup *lookup, const char *call_id, const char *timestamp,
                 struct bytes_view body, struct bytes *signature)
{
    unsigned char digest[HMAC_BYTES];
    const struct bytes_view parts[] = {view_of_text(call_id), VIEW("."), view_of_text(timestamp),
                                       VIEW("."), body};
    struct hmac *key = hmac_open(lookup->secret, lookup->secret_len);
    hmac(key, sizeof parts / sizeof parts[0], parts, digest);
    hmac_close(key);
    bytes_append_text(signature, "webhook-signature: v1,");
    base64_append(signature, digest, sizeof digest);
}

static struct bytes_view text_of(const struct http_answer *http)
{
    return http->status == 204 ? VIEW("") : http->body;
}

// A malformed answer is as good as none: it counts as a failure of the URL. Reads a good one.
static const char *problem_of(const struct http_answer *http, struct lookup_answer *answer,
                              char *sentence, size_t size)
{
    if (http->outcome != HTTP_ANSWERED) {
        return http->error ? http->error : "there was no answer";
    }
    if (http->status != 200 && http->status != 204) {
        bool is_redirect = http->status / 100 == 3;
        snprintf(sentence, size, "it answered %u%s", http->status,
                 is_redirect ? ": a redirect is not followed" : "");
        return sentence;
    }
    return http->body_is_cut ? "its answer is longer than 64 KiB, or was broken off"
                             : lookup_answer_read(answer, text_of(http));
}

static void on_http_answer(const struct http_answer *http, void *arg)
{
    struct question question = *(struct question *)arg;
    char sentence[64];
    struct lookup_answer answer;
    const char *problem = problem_of(http, &answer, sentence, sizeof sentence);
    free(arg);
    note(question.lookups, question.url, problem);
    free(question.url);
    question.on_answer(problem ? NULL : &answer, problem ? VIEW("") : text_of(http), problem,
                       question.arg);
}

const char *lookup_ask(struct lookups *lookups, const struct call *call, uint64_t timeout_ms,
                       lookup_on_answer *on_answer, void *arg)
{
    const struct route_lookup *lookup = &call->place.rule->lookup;
    struct bytes body, id, signature;
    char timestamp[24], timestamp_header[64];
    if (is_left_alone(find(lookups, lookup->url))) {
        return "it has failed too often, and is left alone";
    }
    struct question *question = memory_zeroed(sizeof *question);
    *question = (struct question){lookups, on_answer, arg, memory_text(lookup->url)};
    bytes_init(&body, TRANSFORM_REQUEST_BYTES_MAX);
    bytes_init(&id, HEADER_BYTES_MAX);
    bytes_init(&signature, HEADER_BYTES_MAX);
    write_body(call, &body);
    snprintf(timestamp, sizeof timestamp, "%" PRIu64, loop_wall_ms() / MS_PER_S);
    snprintf(timestamp_header, sizeof timestamp_header, "webhook-timestamp: %s", timestamp);
    bytes_printf(&id, "webhook-id: %s", call->call_id);
    sign(lookup, call->call_id, timestamp, bytes_view(&body), &signature);
    const char *headers[] = {"Content-Type: application/json",
                             "User-Agent: dialin/" DIALIN_VERSION,
                             bytes_text(&id),
                             timestamp_header,
                             bytes_text(&signature),
                             NULL};
    const struct http_post post = {
        .url = lookup->url,
        .headers = headers,
        .body = bytes_view(&body),
        .timeout_ms = timeout_ms < lookup->timeout_ms ? timeout_ms : lookup->timeout_ms,
    };
    http_client_post(lookups->client, &post, on_http_answer, question);
    bytes_release(&body);
    bytes_release(&id);
    bytes_release(&signature);
    return NULL;
}

struct lookups *lookups_open(struct loop *loop, struct http_authorities *authorities)
{
    struct lookups *lookups = memory_zeroed(sizeof *lookups);
    const struct http_client_settings settings = {
        .connections_max = LOOKUP_CONNECTIONS_MAX,
        .connect_timeout_ms = HTTP_CONNECT_TIMEOUT_MS,
        .authorities = authorities,
    };
    lookups->client = http_client_open(loop, &settings);
    return lookups;
}

void lookups_trust(struct lookups *lookups, struct http_authorities *authorities)
{
    http_client_trust(lookups->client, authorities);
}

void lookups_close(struct lookups *lookups)
{
    http_client_close(lookups->client);
    while (lookups->first) {
        struct failing *failing = lookups->first;
        lookups->first = failing->next;
        free(failing);
    }
    free(lookups);
}
