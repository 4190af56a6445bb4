// The headers of a start request, and the three fields of its answer (Pipecat Cloud's "Start agent"
// endpoint: dailyRoom, dailyToken, sessionId). The token is not looked at: it is a secret of the
// bot's.
#include "start_client.h"

#include "json.h"
#include "memory.h"

#include <stdio.h>
#include <stdlib.h>

#define HEADER_BYTES_MAX (ROUTE_KEY_BYTES_MAX + 64) // settings refuse a longer key

struct pending {
    start_on_answer *on_answer;
    bool (*may_send)(void *arg);
    void *arg;
};

static void read_body(struct start_answer *answer, struct bytes_view body)
{
    struct json_document document;
    if (json_parse(&document, body)) {
        answer->flaw = "the answer is not the JSON that was expected";
    } else {
        const char *session_id = json_text(document.tree, "sessionId");
        const char *room_url = json_text(document.tree, "dailyRoom");
        snprintf(answer->session_id, sizeof answer->session_id, "%s", session_id ? session_id : "");
        snprintf(answer->room_url, sizeof answer->room_url, "%s", room_url ? room_url : "");
        answer->flaw = session_id ? NULL : "the answer names no sessionId";
        json_release(&document);
    }
}

static void on_http_answer(const struct http_answer *http, void *arg)
{
    struct pending pending = *(struct pending *)arg;
    struct start_answer answer = {.http = http};
    free(arg);
    if (http->outcome == HTTP_ANSWERED && http->status / 100 == 2) {
        read_body(&answer, http->body);
    }
    pending.on_answer(&answer, pending.arg);
}

static bool may_send(void *arg)
{
    const struct pending *pending = arg;
    return pending->may_send(pending->arg);
}

void start_client_post(struct http_client *client, const struct start_request *request,
                       start_on_answer *on_answer, void *arg)
{
    struct bytes key, authorization;
    struct pending *pending = memory_zeroed(sizeof *pending);
    *pending = (struct pending){on_answer, request->may_send, arg};
    bytes_init(&key, HEADER_BYTES_MAX);
    bytes_init(&authorization, HEADER_BYTES_MAX);
    bytes_printf(&key, "Idempotency-Key: %.*s", (int)request->call_id.len, request->call_id.data);
    if (request->route->api_key) {
        bytes_printf(&authorization, "Authorization: Bearer %s", request->route->api_key);
    }
    const char *headers[] = {"Content-Type: application/json", "User-Agent: dialin/" DIALIN_VERSION,
                             bytes_text(&key),
                             request->route->api_key ? bytes_text(&authorization) : NULL, NULL};
    const struct http_post post = {
        .url = request->route->start_url,
        .headers = headers,
        .body = request->body,
        .timeout_ms = request->timeout_ms,
        .may_send = may_send,
    };
    http_client_post(client, &post, on_http_answer, pending);
    memory_wipe(authorization.data, authorization.len);
    bytes_release(&authorization);
    bytes_release(&key);
}
