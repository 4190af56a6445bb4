// Which calls are meant: by time, state, reason, verdict, number, agent, route and kind. Plain
// memory.
#ifndef DIALIN_AUDIT_SELECTION_H
#define DIALIN_AUDIT_SELECTION_H

#include "recorded_call.h"

#include <stdbool.h>
#include <stdint.h>

// A member that is NULL selects all; borrowed. Names are compared as they are recorded, numbers
// by their digits (phone_number.h): any spelling, and `+1415*` for all that begin so.
struct selection {
    uint64_t since_ms, until_ms; // by when Redis took the webhook; both ends are in
    const char *state;           // as recorded_state_name
    const char *reason;
    const char *verdict; // connected, ended, never_connected or failed: by Daily's events
    const char *from;
    const char *to;
    const char *agent;
    const char *route;
    const char *kind;     // as webhook_kind_name
    uint64_t limit;       // 0: none
    bool with_duplicates; // also without `state`: they are not calls of their own
};

// Is a number, as it is recorded, the wanted one? NULL wants every number.
bool selection_is_number(const char *wanted, const char *found);

bool selection_has(const struct selection *selection, const struct recorded_call *call);

#endif
