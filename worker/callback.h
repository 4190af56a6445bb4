// Calls back a caller whose hold ran out: which number, and what the dial-out is to say. The
// death's own step adds the entry (worker/record/callback.lua), so that neither is without the
// other.
#ifndef DIALIN_CALLBACK_H
#define DIALIN_CALLBACK_H

#include "call.h"

#define CALLBACK_DIGITS_MIN 7  // shorter ones are extensions, or services
#define CALLBACK_DIGITS_MAX 15 // E.164

// A worker that was away for so long beyond the hold still learns that a number has been served.
#define CALLBACK_REMEMBERED_MS 3600000

// The number by which a caller can be called from anywhere, as digits without +; empty if `from` is
// withheld, an extension, a national number, or an address that is not such a number.
void callback_number(const char *from, char digits[PHONE_DIGITS_MAX + 1]);

// Sets call->number, of a dial-in and of a call back.
void callback_note_number(struct call *call);

// Completes an outcome that ends the call: the caller's number, and the call back if the call dies
// `expired` and its route calls this number back. `hold_limit_ms`: of calls that no route takes.
void callback_prepare(struct call *call, const struct redis *redis, uint64_t hold_limit_ms);

#endif
