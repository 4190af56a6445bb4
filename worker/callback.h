// Calls back a caller whose hold ran out: which number, and what the dial-out is to say. The
// death's own step adds the entry (worker/record/callback.lua), so that neither is without the
// other.
#ifndef DIALIN_CALLBACK_H
#define DIALIN_CALLBACK_H

#include "call.h"

// A worker that was away for so long beyond the hold still learns that a number has been served.
#define CALLBACK_REMEMBERED_MS 3600000

// Sets call->number, of a call that a caller made and of a call back.
void callback_note_number(struct call *call);

// Why a call of this route (NULL: none) is not called back if it dies `expired`: words that follow
// "no: ". NULL if it is. `number`: as callable_number.h has it.
const char *callback_refusal(const struct route_rule *rule, enum webhook_kind kind,
                             const char *call_id, const char *number);

// Completes an outcome: the call's numbers (also of one that is not meant to end it, for finish.lua
// may know better), and the call back if the call dies `expired` and its route calls this number
// back. `hold_limit_ms`: of calls that no route takes.
void callback_prepare(struct call *call, const struct redis *redis, uint64_t hold_limit_ms);

#endif
