// One event is one object with a timer: until it happens, and then until it is acknowledged. The
// form of an event is Daily's documentation's (reference/rest-api/webhooks).
#include "conversations.h"

#include "http_client.h"
#include "json.h"
#include "memory.h"
#include "signature.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNECTIONS_MAX 64
#define TIMEOUT_MS 10000
#define BODY_BYTES_MAX 2048
#define HEADER_BYTES_MAX 128
#define MS_PER_S 1000

struct event {
    struct event *next, *previous;
    struct conversations *all;
    struct loop_timer *timer;
    const char *type;
    bool is_end;
    char id[CHANCE_UUID_BYTES], session_id[CHANCE_UUID_BYTES];
    char room[CONVERSATIONS_ROOM_BYTES];
    uint64_t due_ms;      // loop_now_ms; UINT64_MAX: not known
    uint64_t happened_ms; // wall clock; 0: not yet
    unsigned tries;
    bool is_out;
};

struct conversations {
    struct loop *loop;
    struct http_client *client;
    const struct settings *settings;
    struct chance *chance;
    struct event *oldest, *newest;
    size_t count;
    uint64_t posted, acknowledged, given_up, dropped;
    bool is_closing;
};

static void forget(struct event *event)
{
    struct conversations *all = event->all;
    *(event->previous ? &event->previous->next : &all->oldest) = event->next;
    *(event->next ? &event->next->previous : &all->newest) = event->previous;
    loop_timer_close(event->timer);
    all->count--;
    free(event);
}

static void on_answer(const struct http_answer *answer, void *arg)
{
    struct event *event = arg;
    struct conversations *all = event->all;
    bool is_good = answer->outcome == HTTP_ANSWERED && answer->status == 200;
    event->is_out = false;
    all->acknowledged += is_good;
    if (is_good) {
        forget(event);
    } else if (event->tries >= CONVERSATIONS_TRIES_MAX) {
        all->given_up++;
        forget(event);
    } else if (!all->is_closing) {
        loop_timer_start(event->timer, CONVERSATIONS_AGAIN_MS);
    }
}

static void write_body(const struct event *event, struct bytes *body)
{
    bytes_printf(body,
                 "{\"version\":\"1.0.0\",\"type\":\"%s\",\"id\":\"%s\",\"payload\":{\"domain_id\":"
                 "\"04b89420-cf8b-4ea5-a428-02c40b0e2a59\",\"room\":",
                 event->type, event->id);
    json_append_text(body, view_of_text(event->room));
    bytes_printf(body,
                 ",\"timestamp\":\"%" PRIu64 "\",\"session_id\":\"%s\",\"sip_headers\":{}},"
                 "\"event_ts\":%" PRIu64 ".%03" PRIu64 "}",
                 event->happened_ms / MS_PER_S, event->session_id, event->happened_ms / MS_PER_S,
                 event->happened_ms % MS_PER_S);
}

static void post(void *arg)
{
    struct event *event = arg;
    struct conversations *all = event->all;
    char timestamp[24], signature[SIGNATURE_TEXT_BYTES + 1];
    char of_timestamp[HEADER_BYTES_MAX], of_signature[HEADER_BYTES_MAX];
    const char *const headers[] = {"Content-Type: application/json", of_timestamp, of_signature,
                                   NULL};
    struct bytes body;
    event->happened_ms = event->happened_ms ? event->happened_ms : loop_wall_ms();
    bytes_init(&body, BODY_BYTES_MAX);
    write_body(event, &body);
    snprintf(timestamp, sizeof timestamp, "%" PRIu64, loop_wall_ms());
    signature_sign(all->settings->events_secret, view_of_text(timestamp), bytes_view(&body),
                   signature); // settings_from_flags has tried it
    snprintf(of_timestamp, sizeof of_timestamp, "X-Webhook-Timestamp: %s", timestamp);
    snprintf(of_signature, sizeof of_signature, "X-Webhook-Signature: %s", signature);
    const struct http_post http_post = {
        .url = all->settings->events_url,
        .headers = headers,
        .body = bytes_view(&body),
        .timeout_ms = TIMEOUT_MS,
    };
    all->posted++;
    event->tries++;
    event->is_out = true;
    http_client_post(all->client, &http_post, on_answer, event);
    bytes_release(&body);
}

static void add(struct conversations *all, const struct event *new)
{
    if (all->count >= CONVERSATIONS_EVENTS_MAX) {
        all->dropped++;
        return;
    }
    struct event *event = memory_zeroed(sizeof *event);
    *event = *new;
    event->all = all;
    event->previous = all->newest;
    event->timer = loop_timer_open(all->loop, post, event);
    chance_uuid(all->chance, event->id);
    *(all->newest ? &all->newest->next : &all->oldest) = event;
    all->newest = event;
    all->count++;
    uint64_t now_ms = loop_now_ms();
    if (event->due_ms != UINT64_MAX) {
        loop_timer_start(event->timer, event->due_ms > now_ms ? event->due_ms - now_ms : 0);
    }
}

void conversations_begin(struct conversations *all, const char *room_url, bool is_dialout,
                         uint64_t end_ms)
{
    const char *slash = strrchr(room_url, '/');
    struct event event = {
        .type = is_dialout ? "dialout.answered" : "dialin.connected",
        .due_ms = loop_now_ms(),
    };
    if (!all || !slash || !slash[1]) {
        return;
    }
    view_copy(view_of_text(slash + 1), event.room, sizeof event.room);
    chance_uuid(all->chance, event.session_id);
    add(all, &event);
    event.type = is_dialout ? "dialout.stopped" : "dialin.stopped";
    event.is_end = true;
    event.due_ms = end_ms;
    add(all, &event);
}

static bool may_end(const struct event *event)
{
    return !event->is_out && event->happened_ms == 0 && event->is_end;
}

void conversations_end_oldest(struct conversations *all, size_t count)
{
    for (; all && count > 0; count--) {
        struct event *first = NULL;
        for (struct event *event = all->oldest; event; event = event->next) {
            if (may_end(event) && (!first || event->due_ms < first->due_ms)) {
                first = event;
            }
        }
        if (!first) {
            return;
        }
        loop_timer_stop(first->timer);
        post(first);
    }
}

bool conversations_print(const struct conversations *all, struct bytes *out)
{
    static const struct conversations NONE = {0};
    all = all ? all : &NONE;
    return bytes_printf(out,
                        "{\"posted\":%" PRIu64 ",\"acknowledged\":%" PRIu64 ",\"given_up\":%" PRIu64
                        ",\"dropped\":%" PRIu64 ",\"left\":%zu}",
                        all->posted, all->acknowledged, all->given_up, all->dropped, all->count);
}

struct conversations *conversations_open(struct loop *loop, const struct settings *settings,
                                         struct chance *chance)
{
    if (!settings->events_url[0]) {
        return NULL;
    }
    struct conversations *all = memory_zeroed(sizeof *all);
    const struct http_client_settings client_settings = {
        .connections_max = CONNECTIONS_MAX,
        .connect_timeout_ms = HTTP_CONNECT_TIMEOUT_MS,
    };
    all->loop = loop;
    all->settings = settings;
    all->chance = chance;
    all->client = http_client_open(loop, &client_settings);
    return all;
}

void conversations_close(struct conversations *all)
{
    if (!all) {
        return;
    }
    all->is_closing = true;
    http_client_close(all->client);
    while (all->oldest) {
        // NOLINTNEXTLINE(clang-analyzer-unix.Malloc): a forgotten one is in no list
        forget(all->oldest);
    }
    free(all);
}
