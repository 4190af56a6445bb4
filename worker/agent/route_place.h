// Where a call goes: the route that takes it, the agent that is asked, and how far the call has
// moved along the route. Plain data that points into the file.
#ifndef DIALIN_ROUTE_PLACE_H
#define DIALIN_ROUTE_PLACE_H

#include "route_match.h"
#include "routing.h"

struct route_place {
    const struct route_rule *rule; // NULL: no route takes it
    const struct route_agent *agent;
    unsigned step; // 0: the route's own agent; n: that of overflow[n - 1]
};

// The place of a call that no route takes; that of one that `rule` takes, which may be NULL.
struct route_place route_place_of_rule(const struct routing *routing,
                                       const struct route_rule *rule);

// The place of a call that is recorded under these names. If the file no longer has such an agent,
// it is the agent that now stands at this step. Returns false if it has no such route.
bool route_place_find(const struct routing *routing, struct bytes_view route,
                      struct bytes_view agent, unsigned step, struct route_place *place);

// Moves to the route's next agent. Returns false if there is none.
bool route_place_next(struct route_place *place);

// The step to which a call moves on from here: never to its own agent, or to one before it. NULL:
// there is no further agent.
const struct route_step *route_place_next_step(const struct route_place *place);

// The name of the route; empty if there is none.
const char *route_place_name(const struct route_place *place);

#endif
