// See call_place.h. A call holds the routes by which it was placed. When others are in force, its
// place is found again by its names.
#include "call_place.h"

#include "callback.h"
#include "memory.h"
#include "trunk_webhook.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define MS_PER_S 1000

uint64_t call_place_hold_s(enum webhook_kind kind, uint64_t route_s,
                           const struct call_place_settings *settings)
{
    switch (kind) {
    case WEBHOOK_DIALOUT:
        return settings->dialout_limit_s;
    case WEBHOOK_TRUNK: // a route may shorten it
        return route_s && route_s < settings->trunk_limit_s ? route_s : settings->trunk_limit_s;
    case WEBHOOK_DIALIN:
        break;
    }
    return route_s ? route_s : settings->hold_limit_s;
}

static void set_hold(struct call *call, const struct call_place_settings *settings)
{
    const struct route_rule *rule = call->place.rule;
    uint64_t limit_s = call_place_hold_s(call->kind, rule ? rule->hold_limit_s : 0, settings);
    call->hold.limit_ms = call->callback_hold_ms ? call->callback_hold_ms : limit_s * MS_PER_S;
}

void call_place_first(struct call *call, struct routing *routing,
                      const struct call_place_settings *settings)
{
    call->routing = routing_keep(routing);
    call->place = route_place_of_rule(routing, NULL);
    set_hold(call, settings);
}

const char *call_place_limited_caller(const struct route_rule *rule, enum webhook_kind kind,
                                      const char *call_id, const struct phone_number *from)
{
    const char *caller = from->digits[0] ? from->digits : from->is_address ? from->address : "";
    bool is_limited = rule && rule->limit_calls && kind != WEBHOOK_DIALOUT && !strchr(call_id, '~');
    return is_limited && caller[0] ? caller : NULL;
}

static void set_limit(struct call *call, const struct route_rule *rule,
                      const struct phone_number *from)
{
    const char *caller = call_place_limited_caller(rule, call->kind, call->call_id, from);
    struct bytes limit;
    bytes_init(&limit, PHONE_ADDRESS_BYTES_MAX + 64);
    if (caller) {
        bytes_printf(&limit, "%" PRIu64 " %" PRIu64 " %s", rule->limit_calls,
                     rule->limit_within_s * MS_PER_S, caller);
        free(call->limit);
        call->limit = memory_text(bytes_text(&limit));
    }
    bytes_release(&limit);
}

static struct route_place match(struct call *call, const struct routing *routing,
                                const struct webhook_repaired *webhook)
{
    struct route_subject subject;
    const struct route_rule *of_callback =
        call->callback_route[0]
            ? route_file_rule(&routing->file, view_of_text(call->callback_route))
            : NULL;
    if (of_callback) {
        return route_place_of_rule(routing, of_callback);
    }
    if (webhook->code || routing->file.count == 0) {
        return route_place_of_rule(routing, NULL);
    }
    route_subject_set(&subject, webhook->document.tree, view_of_text(call->call_id),
                      call->received_ms);
    const struct route_rule *rule = route_choose(&routing->file, &subject);
    set_limit(call, rule, &subject.from);
    return route_place_of_rule(routing, rule);
}

static bool is_same_place(const struct route_place *a, struct bytes_view route,
                          struct bytes_view agent, unsigned step)
{
    return view_equal_text(route, route_place_name(a)) &&
           view_equal_text(agent, a->agent->route.agent) && step == a->step;
}

// The names are those of the call's record, or of its place by the routes of before.
static void find_again(struct call *call, const struct routing *routing,
                       const struct webhook_repaired *webhook)
{
    struct bytes_view route = view_of_text(call->recorded_route);
    struct bytes_view agent = view_of_text(call->recorded_agent);
    unsigned step = call->recorded_step;
    if (call->has_place) {
        route = view_of_text(route_place_name(&call->place));
        agent = view_of_text(call->place.agent->route.agent);
        step = call->place.step;
    }
    struct route_place place;
    if (!route_place_find(routing, route, agent, step, &place)) {
        place = match(call, routing, webhook);
    }
    if (!is_same_place(&place, route, agent, step)) {
        call->why_moved = "gone";
    }
    call->place = place;
}

// A call that has asked in vain moves on before it asks again, if it has waited long enough.
static void move_on(struct call *call)
{
    const struct route_step *next = route_place_next_step(&call->place);
    while (call->failures > 0 && next && !next->is_by_forecast &&
           hold_age_ms(&call->hold) >= next->after_s * MS_PER_S) {
        route_place_next(&call->place);
        next = route_place_next_step(&call->place);
        call->why_moved = "overflow";
    }
}

const char *call_place(struct call *call, struct routing *routing,
                       const struct call_place_settings *settings, uint64_t now_ms)
{
    const struct webhook_entry entry = call_entry(call);
    struct webhook_repaired webhook;
    webhook_repair_entry(&webhook, &entry);
    if (!call->has_place && !call->recorded_agent[0]) {
        call->place = match(call, routing, &webhook);
        call->is_new = true;
    } else if (!call->has_place || call->routing != routing) {
        find_again(call, routing, &webhook);
    }
    call->has_place = true;
    routing_keep(routing);
    routing_release(call->routing);
    call->routing = routing;
    set_hold(call, settings);
    move_on(call);

    struct transform_settings transform = settings->transform;
    const struct route_rule *rule = call->place.rule;
    if (call->lookup) {
        lookup_answer_merge(call->lookup, rule);
    }
    transform.body = call->lookup && call->lookup->body ? call->lookup->body
                     : rule                             ? rule->body
                                                        : NULL;
    transform.room = call->lookup && call->lookup->room ? call->lookup->room
                     : rule                             ? rule->room
                                                        : NULL;
    bytes_clear(&call->request);
    const char *problem = transform_repaired(&entry, &webhook, &transform,
                                             now_ms / MS_PER_S + settings->room_expiry_s,
                                             &call->request, &call->facts);
    webhook_repair_release(&webhook);
    callback_note_number(call);
    return problem;
}
