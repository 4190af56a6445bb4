// Gives a call its place, by the routes in force, and makes its request. The place is that of the
// call's record if it has one, else of the first route that matches.
#ifndef DIALIN_CALL_PLACE_H
#define DIALIN_CALL_PLACE_H

#include "call.h"

// Place and request depend on these too, beside the routes.
struct call_place_settings {
    struct transform_settings transform;
    uint64_t hold_limit_s;    // HOLD_LIMIT_S
    uint64_t dialout_limit_s; // DIALOUT_LIMIT_S
    uint64_t trunk_limit_s;   // TRUNK_LIMIT_S
    uint64_t room_expiry_s;
};

// How long a call of this kind waits; `route_s` is the hold_limit_s of its route, 0 if it has none.
uint64_t call_place_hold_s(enum webhook_kind kind, uint64_t route_s,
                           const struct call_place_settings *settings);

// The number or address by which the route's `limit_per_caller` counts this call, borrowed from
// `from`. NULL: it counts no such call, a caller who has neither, or a call of our own making.
const char *call_place_limited_caller(const struct route_rule *rule, enum webhook_kind kind,
                                      const char *call_id, const struct phone_number *from);

// A call whose webhook cannot be read goes to the environment's agent, for the record.
void call_place_first(struct call *call, struct routing *routing,
                      const struct call_place_settings *settings);

// The call's place, hold and request by `routing`, as of `now_ms` (Redis' time). Returns NULL, or
// why the webhook cannot be transformed.
const char *call_place(struct call *call, struct routing *routing,
                       const struct call_place_settings *settings, uint64_t now_ms);

#endif
