// The agent's other side, for tests: what it does and did, and how to change it. GET /control shows
// settings and counters; POST /control changes settings by their names and takes "cues" (an array),
// "clear_cues", "release" (both true) and "end_sessions" (a number): all of it, or on a problem
// nothing. GET /requests (?from=index, ?limit=n, ?call_id=…), DELETE /requests (also resets
// counters and counts), GET /starts (?over=1, ?call_id=…), GET /healthz.
#ifndef AGENT_CONTROL_H
#define AGENT_CONTROL_H

#include "http_server.h"

void control_on_show(struct http_request *request, void *agent);
void control_on_change(struct http_request *request, void *agent);
void control_on_requests(struct http_request *request, void *agent);
void control_on_forget(struct http_request *request, void *agent);
void control_on_starts(struct http_request *request, void *agent);
void control_on_health(struct http_request *request, void *agent);

#endif
