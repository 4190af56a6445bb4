// Does this worker reach an agent? It is cut off from one if its own connections do not come about
// while the agent answers others. Then its failures say nothing of the agent, and its calls go to
// other workers. If it reaches no agent at all, it takes one call at a time, to try, until an
// attempt of its own gets out.
#ifndef DIALIN_REACH_H
#define DIALIN_REACH_H

#include "agent_health.h"
#include "http_client.h"
#include "loop.h"
#include "stream_reader.h"

#define REACH_UNSENT_MIN 3    // attempts in a row that did not get out
#define REACH_APART_MS 1000   // the agent answered another worker this long after the first of them
#define REACH_OTHERS_MS 30000 // after that long without an answer to anybody, it is the agent
#define REACH_PROBE_MS 2000   // between two calls that a worker takes while it is cut off
#define REACH_NEVER UINT64_MAX // nobody else had an answer

struct reach;

// Everything is borrowed until reach_close. The reader is pulled if a call may be taken again.
struct reach *reach_open(struct loop *loop, struct agent_health *health,
                         struct stream_reader *reader);
void reach_close(struct reach *reach);

// An attempt of this worker ended.
void reach_note_attempt(struct reach *reach, const char *agent, const struct http_answer *http);

// An attempt had no answer (`error`), and Redis knows how long ago the agent answered another
// worker. Returns true if this worker is cut off from the agent from now on.
bool reach_note_others(struct reach *reach, const char *agent, uint64_t answered_ago_ms,
                       const char *error);

bool reach_is_cut_off(const struct reach *reach, const char *agent);

// How many of `room` calls may be taken, beside `in_work`.
size_t reach_room(const struct reach *reach, size_t in_work, size_t room);

#endif
