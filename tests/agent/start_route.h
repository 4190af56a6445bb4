// The story of a start request: authorised or not, a place in the pool or none, a fault on cue,
// and the answer, now or later.
#ifndef AGENT_START_ROUTE_H
#define AGENT_START_ROUTE_H

#include "agent.h"
#include "http_server.h"

void start_route_on_request(struct http_request *request, void *agent);

// Answers the requests that hang, as though they had come now.
void start_route_release(struct agent *agent);

// Closes the connections of all that wait; before the server is closed.
void start_route_abort(struct agent *agent);

#endif
