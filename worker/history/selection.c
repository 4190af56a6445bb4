// See selection.h.
#include "selection.h"

#include <string.h>

static bool is_same(const char *wanted, const char *found)
{
    return !wanted || !strcmp(wanted, found);
}

bool selection_has(const struct selection *selection, const struct recorded_call *call)
{
    return call->id.ms >= selection->since_ms && call->id.ms <= selection->until_ms &&
           is_same(selection->state, recorded_state_name(call->state)) &&
           is_same(selection->reason, call->reason) && is_same(selection->from, call->from) &&
           is_same(selection->to, call->to) && is_same(selection->agent, call->agent) &&
           (call->state != RECORDED_DUPLICATE || selection->state || selection->with_duplicates);
}
