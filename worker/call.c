// See call.h. A webhook that cannot be used still needs a name to be recorded under: if its
// call_id is unusable, the id of its entry stands in.
#include "call.h"

#include "call_lookup.h"

#include "memory.h"
#include "overflow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BODY_BYTES_MAX (4 * 1024 * 1024)

const char *call_state_name(enum call_state state)
{
    static const char *const NAMES[] = {
#define CALL_STATE_TEXT(name, text) [name] = text,
        CALL_STATES(CALL_STATE_TEXT)
#undef CALL_STATE_TEXT
    };
    return NAMES[state];
}

struct call *call_new(struct bytes_view entry_id, const struct webhook_entry *entry,
                      const struct stream_entry_record *record, const char **problem)
{
    struct call *call = memory_zeroed(sizeof *call);
    view_copy(entry_id, call->entry_id, sizeof call->entry_id);
    view_copy(entry->sha256, call->sha256, sizeof call->sha256);
    view_copy(record->route, call->recorded_route, sizeof call->recorded_route);
    view_copy(record->agent, call->recorded_agent, sizeof call->recorded_agent);
    call->recorded_step = record->step;
    call->why_moved = "";
    if (record->was_looked_up) {
        call_lookup_restore(call, record->lookup);
    }
    call->kind = entry->kind;
    call->signed_for = memory_text_of(entry->signed_for.data, entry->signed_for.len);
    call->callback_of = memory_text_of(entry->callback_of.data, entry->callback_of.len);
    call->callback_route = memory_text_of(entry->route.data, entry->route.len);
    call->callback_hold_ms = entry->hold_ms;
    // If `received_ms` is missing, use the time in the entry id.
    call->received_ms =
        entry->received_ms ? entry->received_ms : strtoull(call->entry_id, NULL, 10);
    bytes_init(&call->body, BODY_BYTES_MAX);
    bytes_init(&call->request, TRANSFORM_REQUEST_BYTES_MAX);
    outcome_init(&call->outcome, 2 * TRANSFORM_REQUEST_BYTES_MAX, CALL_RESPONSE_BYTES_MAX);
    if (webhook_call_id_is_valid(entry->call_id, WEBHOOK_RECORD_ID_BYTES_MAX)) {
        view_copy(entry->call_id, call->call_id, sizeof call->call_id);
    } else {
        snprintf(call->call_id, sizeof call->call_id, "entry-%s", call->entry_id);
        *problem = *problem ? *problem : "its call_id is not usable";
    }
    if (!bytes_append_view(&call->body, entry->body)) {
        *problem = "its body is too long";
    }
    if (!*problem && !webhook_entry_is_whole(entry)) {
        *problem = "its body is not what its sha256 says";
    }
    return call;
}

void call_free(struct call *call)
{
    routing_release(call->routing);
    free(call->limit);
    free(call->lookup_record);
    if (call->lookup) {
        lookup_answer_release(call->lookup);
        free(call->lookup);
    }
    bytes_release(&call->body);
    free(call->signed_for);
    free(call->callback_of);
    free(call->callback_route);
    transform_facts_release(&call->facts);
    bytes_release(&call->request);
    outcome_release(&call->outcome);
    free(call);
}

struct record_call call_for_record(const struct call *call, const struct redis *redis)
{
    const struct route_rule *rule = call->place.rule;
    uint64_t rang_ms = hold_rang_in_redis_ms(&call->hold, redis);
    uint64_t priority_s = call->lookup && call->lookup->has_priority ? call->lookup->priority_s
                          : rule                                     ? rule->priority_s
                                                                     : 0;
    const struct route_step *next = route_place_next_step(&call->place);
    return (struct record_call){
        .entry_id = view_of_text(call->entry_id),
        .call_id = view_of_text(call->call_id),
        .kind = call->kind,
        .from = call->facts.from ? call->facts.from : "",
        .to = call->facts.to ? call->facts.to : "",
        .agent = call->place.agent->route.agent,
        .route = route_place_name(&call->place),
        .step = call->place.step,
        .why_moved = call->why_moved,
        .out_max = call->place.agent->max_in_flight,
        .next_ms = next ? overflow_due_ms(next, rang_ms) : 0,
        .limit = call->limit ? call->limit : "",
        .lookup = call->lookup_record        ? call->lookup_record
                  : call_lookup_is_due(call) ? "ask"
                                             : "",
        .callback = call->callback_of[0] ? call->number : "",
        .room_url = call->facts.room_url ? call->facts.room_url : "",
        .priority_ms = priority_s * 1000,
        .received_ms = call->received_ms,
        .rang_ms = rang_ms,
        .deadline_ms = hold_end_in_redis_ms(&call->hold, redis),
        .sha256 = view_of_text(call->sha256),
    };
}

struct webhook_entry call_entry(const struct call *call)
{
    return (struct webhook_entry){
        .kind = call->kind,
        .call_id = view_of_text(call->call_id),
        .received_ms = call->received_ms,
        .body = bytes_view(&call->body),
        .sha256 = view_of_text(call->sha256),
        .signed_for = view_of_text(call->signed_for),
        .callback_of = view_of_text(call->callback_of),
    };
}

void call_set_outcome(struct call *call, enum outcome_name name, const char *reason,
                      const char *error)
{
    outcome_set(&call->outcome, name, reason, error);
    call->outcome.failures = call->failures;
    call->outcome.definition = call->place.rule ? call->place.rule->digest : "";
    call->outcome.is_counted = call->place.agent->max_in_flight > 0;
}
