// Is the agent of a replay there? Only a connection is made: a request would start a bot.
#ifndef DIALIN_REPLAY_AGENT_H
#define DIALIN_REPLAY_AGENT_H

#include "route.h"

#define REPLAY_AGENT_WAIT_MS 1500 // for all addresses of its name together

// Returns true if a host of the route's URL accepts a connection, else false and prints why.
bool replay_agent_is_there(const struct route *route);

#endif
