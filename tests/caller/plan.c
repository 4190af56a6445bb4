// See plan.h. A webhook that waits longer than SIGNED_MS_MAX for its turn is signed anew, as the
// ingress takes a signature for five minutes only; repeats of one webhook that leave together share
// theirs, as a webhook that a proxy sends again does.
#include "plan.h"

#include "json.h"
#include "loop.h"
#include "memory.h"
#include "trunk_webhook.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define SIGNED_MS_MAX 60000
#define BODY_BYTES_MAX 65536
#define UUID_BYTES 37
#define ROOM_URL_BYTES 256
#define MS_PER_S 1000
#define DOMAIN_OF_EVENTS "04b89420-cf8b-4ea5-a428-02c40b0e2a59"
#define FIRST_CALLER 14155550000U // 1415 555 0000, counting up

static void make_uuid(char *out)
{
    unsigned char r[16];
    ssize_t got = getrandom(r, sizeof r, 0);
    assert(got == sizeof r);
    (void)got;
    r[6] = (unsigned char)((r[6] & 0x0f) | 0x40);
    r[8] = (unsigned char)((r[8] & 0x3f) | 0x80);
    snprintf(out, UUID_BYTES,
             "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", r[0], r[1],
             r[2], r[3], r[4], r[5], r[6], r[7], r[8], r[9], r[10], r[11], r[12], r[13], r[14],
             r[15]);
}

static void add_member(struct bytes *body, const char *name, const char *value)
{
    bytes_append_text(body, body->len == 1 ? "\"" : ",\"");
    bytes_append_text(body, name);
    bytes_append_text(body, "\":");
    json_append_text(body, view_of_text(value));
}

static void add_sip_headers(struct bytes *body, const struct options *options)
{
    for (size_t i = 0; i < options->sip_header_count; i++) {
        const char *header = options->sip_headers[i];
        size_t len = strcspn(header, "=");
        bytes_append_text(body, i == 0 ? ",\"sipHeaders\":{" : ",");
        json_append_text(body, (struct bytes_view){header, len});
        bytes_append_text(body, ":");
        json_append_text(body, view_of_text(header + len + 1));
    }
    if (options->sip_header_count > 0) {
        bytes_append_text(body, "}");
    }
}

// Beside room.url the form is a guess (trunk_webhook.h).
static void write_trunk_body(struct bytes *body, const struct options *options, const char *from,
                             const char *room_url)
{
    add_member(body, "type", "sip_trunk.incoming");
    bytes_append_text(body, ",\"room\":{\"url\":");
    json_append_text(body, view_of_text(room_url));
    bytes_append_text(body, "}");
    add_member(body, "from", from);
    add_member(body, "to", options->to);
    add_sip_headers(body, options);
    bytes_append_text(body, "}");
}

// Daily's documentation, reference/rest-api/webhooks.
static void write_event_body(struct bytes *body, const struct options *options, size_t index,
                             const char *id, const char *from)
{
    char room[64], seconds[24];
    uint64_t now_s = loop_wall_ms() / MS_PER_S;
    const char *type = index % 2 == 0 ? "dialin.connected" : "dialin.stopped";
    snprintf(room, sizeof room, "made-up-%x-%zu", (unsigned)getpid(), index / 2);
    snprintf(seconds, sizeof seconds, "%" PRIu64, now_s);
    add_member(body, "version", "1.0.0");
    add_member(body, "type", options->event ? options->event : type);
    add_member(body, "id", id);
    bytes_append_text(body, ",\"payload\":{\"domain_id\":\"" DOMAIN_OF_EVENTS "\"");
    add_member(body, "room", options->room ? options->room : room);
    add_member(body, "timestamp", seconds);
    add_member(body, "session_id", id);
    add_member(body, "sip_from", from);
    bytes_printf(body, ",\"sip_headers\":{}},\"event_ts\":%" PRIu64 "}", now_s);
}

static void write_body(struct bytes *body, const struct options *options, size_t index,
                       const char *call_id, const char *room_url)
{
    char from[24], domain[UUID_BYTES];
    snprintf(from, sizeof from, "+%" PRIu64, (uint64_t)FIRST_CALLER + index);
    bytes_append_text(body, "{");
    if (options->dialout) {
        bytes_append_text(body, "\"dialout_settings\":[{\"phoneNumber\":");
        json_append_text(body, view_of_text(options->to));
        bytes_append_text(body, "}]}");
        return;
    }
    if (options->trunk) {
        write_trunk_body(body, options, options->from ? options->from : from, room_url);
        return;
    }
    if (options->events) {
        write_event_body(body, options, index, call_id, options->from ? options->from : from);
        return;
    }
    make_uuid(domain);
    add_member(body, "To", options->to);
    add_member(body, "From", options->from ? options->from : from);
    add_member(body, "callId", call_id);
    add_member(body, "callDomain", domain);
    add_sip_headers(body, options);
    bytes_append_text(body, "}");
}

static void sign(struct planned_webhook *webhook, const struct options *options)
{
    uint64_t now_ms = loop_wall_ms();
    webhook->signed_ms = now_ms;
    snprintf(webhook->timestamp, sizeof webhook->timestamp, "%" PRIu64,
             options->seconds_timestamp ? now_ms / 1000 : now_ms);
    bool ok = signature_sign(options->secret, view_of_text(webhook->timestamp), webhook->body,
                             webhook->signature);
    assert(ok); // options_load has tried it
    (void)ok;
}

static void make_webhook(struct planned_webhook *webhook, const struct options *options,
                         size_t index, struct bytes *body)
{
    char made_up[UUID_BYTES];
    const char *call_id = options->call_id ? options->call_id : made_up;
    if (!options->call_id) {
        make_uuid(made_up);
    }
    char room_url[ROOM_URL_BYTES], trunk_id[WEBHOOK_CALL_ID_BYTES_MAX + 1];
    if (options->trunk) {
        snprintf(room_url, sizeof room_url, "https://example.daily.co/%s", call_id);
        trunk_webhook_call_id(room_url, trunk_id);
        call_id = trunk_id;
    }
    bytes_clear(body);
    write_body(body, options, index, call_id, room_url);
    size_t id_len = strlen(call_id) + 1;
    webhook->call_id = memory_zeroed(id_len + body->len);
    memcpy(webhook->call_id, call_id, id_len);
    memcpy(webhook->call_id + id_len, body->data, body->len);
    webhook->body = (struct bytes_view){webhook->call_id + id_len, body->len};
    if (options->secret) {
        sign(webhook, options);
    }
}

void plan_init(struct plan *plan, const struct options *options)
{
    struct bytes body;
    bytes_init(&body, BODY_BYTES_MAX);
    plan->options = options;
    plan->count = options->count;
    plan->webhooks = memory_zeroed(plan->count * sizeof *plan->webhooks);
    for (size_t i = 0; i < plan->count; i++) {
        make_webhook(&plan->webhooks[i], options, i, &body);
    }
    bytes_release(&body);
}

void plan_freshen(struct plan *plan, size_t index)
{
    struct planned_webhook *webhook = &plan->webhooks[index];
    if (plan->options->secret && loop_wall_ms() - webhook->signed_ms > SIGNED_MS_MAX) {
        sign(webhook, plan->options);
    }
}

void plan_release(struct plan *plan)
{
    for (size_t i = 0; i < plan->count; i++) {
        free(plan->webhooks[i].call_id);
    }
    free(plan->webhooks);
}
