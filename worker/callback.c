// See callback.h.
#include "callback.h"

#include "callable_number.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MS_PER_S 1000
#define BODY_BYTES_MAX 12288 // From and To have 1,024 bytes each, six times as many as JSON

// --- the number ---------------------------------------------------------------------------------

void callback_note_number(struct call *call)
{
    bool has_caller = call->kind != WEBHOOK_DIALOUT || call->callback_of[0];
    callable_number(has_caller ? call->facts.from : "", call->number);
}

// --- the call back ------------------------------------------------------------------------------

const char *callback_refusal(const struct route_rule *rule, enum webhook_kind kind,
                             const char *call_id, const char *number)
{
    struct phone_number called = {.is_address = false};
    if (!rule || !rule->callback.within_s) {
        return rule ? "its route has no \"callback\"" : "no route takes the call";
    }
    if (kind != WEBHOOK_DIALIN) {
        return kind == WEBHOOK_TRUNK ? "it came over a SIP trunk" : "it is a dial-out";
    }
    if (strchr(call_id, '~')) {
        return "it is a replay";
    }
    if (!number[0]) {
        return "From is not a whole number, with its country code";
    }
    snprintf(called.digits, sizeof called.digits, "%s", number);
    return route_patterns_match(&rule->callback.to, &called)
               ? NULL
               : "the \"to\" of its route's \"callback\" does not allow the number";
}

static bool is_due(const struct call *call)
{
    return call->outcome.name == OUTCOME_DEAD && !strcmp(call->outcome.reason, "expired") &&
           !callback_refusal(call->place.rule, call->kind, call->call_id, call->number);
}

static void put(struct bytes *out, const char *name, const char *text)
{
    bytes_append_text(out, name);
    json_append_text(out, view_of_text(text));
}

// The webhook of the dial-out. From and To are those of the call that died, so that its route can
// be found again; both spellings of Daily's names are in use.
static void write_body(const struct call *call, struct bytes *body)
{
    const char *caller_id = call->place.rule->callback.caller_id;
    char number[PHONE_DIGITS_MAX + 2];
    snprintf(number, sizeof number, "+%s", call->number);
    put(body, "{\"From\":", call->facts.from);
    put(body, ",\"To\":", call->facts.to);
    put(body, ",\"dialout_settings\":[{\"phoneNumber\":", number);
    put(body, ",\"phone_number\":", number);
    if (caller_id) {
        put(body, ",\"callerId\":", caller_id);
        put(body, ",\"caller_id\":", caller_id);
    }
    put(body, "}],\"callback\":{\"call_id\":", call->call_id);
    bytes_printf(body, ",\"rang_ms\":%" PRIu64 "}}", call->received_ms);
}

// An object of texts, as callback.lua reads it. `since_ms`: a number that has been served from then
// on is not called, in Redis' time as it is now.
static void write_callback(const struct call *call, uint64_t since_ms, struct bytes *out)
{
    char sha256[SIGNATURE_SHA256_HEX];
    struct bytes body;
    bytes_init(&body, BODY_BYTES_MAX);
    write_body(call, &body);
    signature_sha256(bytes_view(&body), sha256);
    put(out, "{\"body\":", bytes_text(&body));
    put(out, ",\"sha256\":", sha256);
    bytes_printf(out, ",\"since_ms\":\"%" PRIu64 "\",\"hold_ms\":\"%" PRIu64 "\"}", since_ms,
                 call->place.rule->callback.within_s * MS_PER_S);
    bytes_release(&body);
}

void callback_prepare(struct call *call, const struct redis *redis, uint64_t hold_limit_ms)
{
    const struct routing *routing = call->routing;
    struct outcome *outcome = &call->outcome;
    uint64_t hold_ms = routing->hold_s_max * MS_PER_S;
    hold_ms = hold_ms > hold_limit_ms ? hold_ms : hold_limit_ms;
    snprintf(outcome->number, sizeof outcome->number, "%s", call->number);
    bytes_clear(&outcome->dialled);
    if (call->kind == WEBHOOK_DIALOUT && !call->callback_of[0] && call->facts.dialled) {
        bytes_append_text(&outcome->dialled, call->facts.dialled);
    }
    outcome->served_kept_ms = routing->calls_back ? hold_ms + CALLBACK_REMEMBERED_MS : 0;
    if (is_due(call)) {
        bytes_clear(&outcome->callback);
        write_callback(call, hold_rang_in_redis_ms(&call->hold, redis), &outcome->callback);
    }
}
