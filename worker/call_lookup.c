// See call_lookup.h.
#include "call_lookup.h"

#include "memory.h"

#include <stdlib.h>

#define BUDGET_SHARE 3 // of the hold that is left

bool call_lookup_is_due(const struct call *call)
{
    return call->place.rule && call->place.rule->lookup.url && !call->was_looked_up;
}

uint64_t call_lookup_budget_ms(const struct call *call)
{
    return hold_left_ms(&call->hold) / BUDGET_SHARE + 1;
}

static void keep(struct call *call, struct lookup_answer *answer)
{
    if (call->lookup) {
        lookup_answer_release(call->lookup);
        free(call->lookup);
    }
    call->lookup = memory_zeroed(sizeof *call->lookup);
    *call->lookup = *answer;
}

const char *call_lookup_declines(const struct call *call)
{
    const struct lookup_answer *answer = call->lookup;
    const struct route_rule *rule = call->place.rule;
    if (answer && answer->is_declined) {
        return answer->why ? answer->why : "its lookup declines it";
    }
    return answer && answer->route && rule && rule->is_declined ? "its route declines it" : NULL;
}

static void put(struct bytes *out, const char *name, struct bytes_view text)
{
    bytes_printf(out, "%s\"%s\":", out->len > 1 ? "," : "", name);
    json_append_text(out, text);
}

// The argument of begin.lua: an object of texts.
static void set_record(struct call *call, struct bytes_view text, const char *problem,
                       const struct redact_secrets *secrets)
{
    struct bytes record, redacted;
    bytes_init(&record, TRANSFORM_REQUEST_BYTES_MAX);
    bytes_init(&redacted, TRANSFORM_REQUEST_BYTES_MAX);
    redact(text, secrets, &redacted);
    bytes_append_text(&record, "{");
    put(&record, "answer", text);
    put(&record, "redacted", bytes_view(&redacted));
    put(&record, "error", view_of_text(problem ? problem : ""));
    put(&record, "declined", call_lookup_declines(call) ? VIEW("1") : VIEW(""));
    bytes_append_text(&record, "}");
    free(call->lookup_record);
    call->lookup_record = memory_text(bytes_text(&record));
    bytes_release(&record);
    bytes_release(&redacted);
}

const char *call_lookup_take(struct call *call, struct lookup_answer *answer,
                             struct bytes_view text, const char *problem,
                             struct redact_secrets *secrets)
{
    struct route_place place = call->place;
    redact_secrets_add(secrets, call->place.rule->lookup.secret_text);
    if (!problem && !lookup_answer_place(answer, call->routing, &place)) {
        problem = "its answer names an agent or a route that the file does not have";
        lookup_answer_release(answer);
    }
    call->was_looked_up = true;
    if (problem) {
        set_record(call, VIEW(""), problem, secrets);
        return problem;
    }
    call->place = place;
    call->why_moved = "lookup";
    keep(call, answer);
    lookup_answer_merge(call->lookup, call->place.rule);
    set_record(call, text, NULL, secrets);
    return NULL;
}

void call_lookup_restore(struct call *call, struct bytes_view text)
{
    struct lookup_answer answer;
    call->was_looked_up = true;
    if (!lookup_answer_read(&answer, text)) {
        keep(call, &answer);
    }
}
