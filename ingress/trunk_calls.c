// See trunk_calls.h.
#include "trunk_calls.h"

#include "json.h"
#include "memory.h"
#include "trunk_webhook.h"

#include <stdlib.h>

struct trunk_calls {
    struct trunk_calls_settings settings;
    struct door door;
    struct refusals *refusals;
};

static const struct door_kind DOOR = {
    .timestamp_header = "X-Siptrunk-Timestamp",
    .signature_header = "X-Siptrunk-Signature",
    .missing_sentence = "the request is not signed: X-Siptrunk-Signature and X-Siptrunk-Timestamp "
                        "are required",
    .stale_sentence = "X-Siptrunk-Timestamp is more than 300 s away from now",
    .traces_refusals = true,
};

static const struct refusal_words WORDS = {
    .invalid_signature = "calls over a SIP trunk with a wrong signature: if the secret of a trunk "
                         "was changed at Daily, its callers are being lost; check SIP_TRUNK_SECRET",
    .busy = "calls over a SIP trunk refused: more in flight than MAX_IN_FLIGHT",
    .queue_unavailable =
        "calls over a SIP trunk refused: neither Redis nor the spool could take them in time",
};

static bool is_busy(const void *arg)
{
    const struct trunk_calls *calls = arg;
    return pending_webhooks_count(calls->settings.pending) >= calls->settings.in_flight_max;
}

static void queue(struct trunk_calls *calls, struct http_request *request,
                  const struct webhook_repaired *call)
{
    const cJSON *tree = call->document.tree;
    char call_id[WEBHOOK_CALL_ID_BYTES_MAX + 1], peer[PEER_BYTES];
    const struct auth_credentials given = door_credentials(&calls->door, request);
    door_find_peer(&calls->door, request, peer);
    trunk_webhook_call_id(json_text(tree, "room_url"), call_id);
    const struct pending_new new = {
        .request = request,
        .to = json_text(tree, "To"),
        .entry =
            {
                .kind = WEBHOOK_TRUNK,
                .call_id = view_of_text(call_id),
                .received_ms = stream_writer_now_ms(calls->settings.writer),
                .timestamp = view_of_text(given.timestamp),
                .signature = view_of_text(given.signature),
                .peer = view_of_text(peer),
                .body = http_request_body(request),
                .flaw = view_of_text(call->flaw),
            },
    };
    pending_webhooks_add(calls->settings.pending, &new);
}

static void take(struct http_request *request, const struct auth *auth, void *arg)
{
    struct trunk_calls *calls = arg;
    struct webhook_repaired call;
    const struct bytes_view body = http_request_body(request);
    if (trunk_webhook_is_test(body)) {
        door_answer_probe(&calls->door, request);
        return;
    }
    if (!trunk_webhook_repair(&call, body)) {
        const struct refusal refusal = {400, call.code, call.sentence, NULL};
        door_refuse(&calls->door, request, auth, &refusal);
    } else if (is_busy(calls)) {
        const struct refusal busy = {503, "busy", "too many webhooks are in flight; try again",
                                     NULL};
        door_refuse(&calls->door, request, NULL, &busy);
    } else {
        queue(calls, request, &call);
    }
    webhook_repair_release(&call);
}

struct door *trunk_calls_door(struct trunk_calls *calls)
{
    return &calls->door;
}

struct trunk_calls *trunk_calls_open(const struct trunk_calls_settings *settings,
                                     struct metrics *metrics)
{
    struct trunk_calls *calls = memory_zeroed(sizeof *calls);
    calls->settings = *settings;
    calls->refusals = refusals_open(settings->writer, settings->counts->refusals, &WORDS);
    calls->door = (struct door){
        .kind = &DOOR,
        .auth = settings->auth,
        .refusals = calls->refusals,
        .writer = settings->writer,
        .proxies = settings->proxies,
        .is_busy = is_busy,
        .take = take,
        .arg = calls,
        .verified = settings->counts->verified,
        .signatures = {.metrics = metrics, .of = "trunk"},
    };
    return calls;
}

void trunk_calls_close(struct trunk_calls *calls)
{
    refusals_close(calls->refusals);
    free(calls);
}
