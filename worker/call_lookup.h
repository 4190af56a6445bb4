// The effect of a lookup's answer on its call: place, priority, body, room, and the record of it.
#ifndef DIALIN_CALL_LOOKUP_H
#define DIALIN_CALL_LOOKUP_H

#include "call.h"
#include "redact.h"

// Does the call's route ask a lookup that is not in the call's record yet?
bool call_lookup_is_due(const struct call *call);

// How long one request of the lookup may take: a third of the hold left.
uint64_t call_lookup_budget_ms(const struct call *call);

// Takes the answer over, and sends the call where it says; `text` and `problem` as lookup.h has
// them. If it cannot be used, the call goes on without it. In either case the next `begin` records
// it. Returns NULL, or the problem.
const char *call_lookup_take(struct call *call, struct lookup_answer *answer,
                             struct bytes_view text, const char *problem,
                             struct redact_secrets *secrets); // grows by the lookup's

// Returns why the answer declines the call, by itself or by the route that it names; NULL: it does
// not.
const char *call_lookup_declines(const struct call *call);

// Reads the answer that was handed over with the call's entry.
void call_lookup_restore(struct call *call, struct bytes_view text);

#endif
