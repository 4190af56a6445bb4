// See door.h. The order of checks is CONTRACT's: what the head shows, then the signature over the
// raw bytes, and only then the body is parsed.
#include "door.h"

#include "log.h"
#include "loop.h"
#include "webhook.h"

#include <string.h>

void door_find_peer(const struct door *door, const struct http_request *request,
                    char peer[PEER_BYTES])
{
    struct bytes forwarded_for;
    bytes_init(&forwarded_for, HTTP_HEAD_BYTES_MAX);
    http_request_header_joined(request, "X-Forwarded-For", &forwarded_for);
    peer_of(door->proxies, http_request_peer(request), bytes_text(&forwarded_for), peer);
    bytes_release(&forwarded_for);
}

struct auth_credentials door_credentials(const struct door *door,
                                         const struct http_request *request)
{
    return (struct auth_credentials){
        .timestamp = http_request_header(request, door->kind->timestamp_header),
        .signature = http_request_header(request, door->kind->signature_header),
        .authorization =
            door->kind->takes_key ? http_request_header(request, "Authorization") : NULL,
    };
}

const char *door_sentence(const struct door *door, const char *code)
{
    return !strcmp(code, "missing_signature") ? door->kind->missing_sentence
           : !strcmp(code, "stale_timestamp") ? door->kind->stale_sentence
                                              : "the signature is wrong";
}

void door_refuse(const struct door *door, struct http_request *request, const struct auth *auth,
                 const struct refusal *refusal)
{
    char peer[PEER_BYTES], secret[SIGNATURE_NAME_BYTES];
    struct refusal of_peer = *refusal;
    door_find_peer(door, request, peer);
    of_peer.peer = peer;
    if (auth && auth->is_genuine && door->kind->traces_refusals) {
        auth_name(auth, &door->auth, secret);
        refusal_answer_genuine(door->refusals, request, &of_peer, secret,
                               stream_writer_now_ms(door->writer));
    } else {
        refusal_answer(door->refusals, request, &of_peer);
    }
}

static void refuse_as(const struct door *door, struct http_request *request,
                      const struct auth *auth, const char *code)
{
    const struct refusal refusal = {401, code, door_sentence(door, code), NULL};
    door_refuse(door, request, auth, &refusal);
}

static struct auth_clocks clocks_of(const struct door *door)
{
    return (struct auth_clocks){loop_wall_ms(), stream_writer_now_ms(door->writer)};
}

void door_on_head(const struct door *door, struct http_request *request)
{
    const struct auth_credentials given = door_credentials(door, request);
    const struct auth_clocks clock = clocks_of(door);
    uint64_t length = http_request_length(request);
    const char *failure = auth_refuse_at_head(&door->auth, &given, &clock);
    if (door->is_busy(door->arg)) {
        const struct refusal busy = {503, "busy", "too many webhooks are in flight; try again",
                                     NULL};
        door_refuse(door, request, NULL, &busy);
    } else if (failure && length == UINT64_MAX) { // it may still be a verification request
        const struct http_cut cut = {WEBHOOK_UNSIGNED_BYTES_MAX, "401 Unauthorized", failure,
                                     door_sentence(door, failure)};
        http_request_limit_body(request, &cut);
    } else if (failure && length > WEBHOOK_UNSIGNED_BYTES_MAX) {
        refuse_as(door, request, NULL, failure);
    }
}

void door_answer_probe(struct door *door, struct http_request *request)
{
    uint64_t count = log_gate_pass(&door->probes, loop_now_ms());
    (*door->verified)++;
    if (count > 0) { // anybody may ask, as often as he likes
        log_info("verification request answered", log_number("count", (int64_t)count),
                 log_text("peer", http_request_peer(request)));
    }
    http_reply(request, 200, VIEW("{\"status\":\"success\",\"message\":\"Test request received\"}"),
               NULL);
}

// Of a webhook that is genuine and stale. With Redis' time known, it is stale by both clocks.
static void doubt_clock(struct door *door, const char *timestamp, uint64_t host_ms)
{
    if (stream_writer_knows_time(door->writer) ||
        log_gate_pass(&door->doubts, loop_now_ms()) == 0) {
        return;
    }
    log_error(
        "a webhook with a good signature is stale by this host's clock, and Redis, whose time "
        "could tell which is wrong, was not reached yet: check this host's clock (NTP), or "
        "every caller is refused",
        log_text("timestamp", timestamp), log_number("clock_ms", (int64_t)host_ms));
}

void door_on_request(struct door *door, struct http_request *request)
{
    struct bytes_view body = http_request_body(request);
    const struct auth_credentials given = door_credentials(door, request);
    const struct auth_clocks clock = clocks_of(door);
    struct auth auth;
    auth_check(&auth, &door->auth, &given, body, &clock);
    if (!auth.failure) {
        http_request_is_genuine(request);
        if (auth.match.count > 0) {
            intake_counts_signature(&door->signatures, auth.match.indexes[0]);
        }
        door->take(request, &auth, door->arg);
    } else if (body.len <= WEBHOOK_UNSIGNED_BYTES_MAX && webhook_is_verification(body)) {
        door_answer_probe(door, request);
    } else {
        if (auth.is_genuine) {
            doubt_clock(door, given.timestamp, clock.host_ms);
        }
        refuse_as(door, request, &auth, auth.failure);
    }
}
