// See selection.h.
#include "selection.h"

#include "phone_number.h"
#include "redis_reply.h"

#include <string.h>

static bool is_same(const char *wanted, const char *found)
{
    return !wanted || !strcmp(wanted, found);
}

bool selection_is_number(const char *wanted, const char *found)
{
    struct phone_pattern pattern;
    if (!wanted || !wanted[0]) {
        return !wanted || !found[0];
    }
    phone_pattern_read(&pattern, view_of_text(wanted));
    return phone_pattern_matches(&pattern, view_of_text(found));
}

static bool has_verdict(const char *wanted, const struct recorded_call *call)
{
    return !wanted || (call->state == RECORDED_STARTED &&
                       view_equal_text(reply_field(call->hash, "verdict"), wanted));
}

bool selection_has(const struct selection *selection, const struct recorded_call *call)
{
    return call->id.ms >= selection->since_ms && call->id.ms <= selection->until_ms &&
           is_same(selection->state, recorded_state_name(call->state)) &&
           is_same(selection->reason, call->reason) && has_verdict(selection->verdict, call) &&
           selection_is_number(selection->from, call->from) &&
           selection_is_number(selection->to, call->to) && is_same(selection->agent, call->agent) &&
           is_same(selection->route, call->route) &&
           is_same(selection->kind, webhook_kind_name(call->webhook.kind)) &&
           (call->state != RECORDED_DUPLICATE || selection->state || selection->with_duplicates);
}
