// Tells the operator how each agent is: an error when it begins to fail or to reject us, every 10 s
// while that lasts, with how many calls are unfinished, and a line when it is over. Of single
// requests that fail while others succeed, a warning, at most one in 10 s.
#ifndef DIALIN_AGENT_HEALTH_H
#define DIALIN_AGENT_HEALTH_H

#include "redis.h"

#define AGENT_HEALTH_TELL_MS 10000
#define AGENT_HEALTH_IN_ROW 3 // failures: fewer, soon after a good answer, do not make it a problem

enum agent_problem {
    AGENT_IS_WELL,       // it answered, if only that it is full
    AGENT_FAILS,         // no connection, no name, no TLS, timeout, 408, 425, 5xx
    AGENT_REJECTS_US,    // our configuration is wrong, not the call
    AGENT_OUT_OF_REACH,  // of this worker; it answers others
    AGENT_REJECTS_CALLS, // each of them, in a row: the agent or the route is wrong, not the calls
};

// Everything is borrowed until agent_health_close.
struct agent_health *agent_health_open(struct redis *commands, const char *prefix);
void agent_health_close(struct agent_health *health); // after the connection is closed

// Notes how an attempt ended. `status` 0: there was no answer; `error` is the reason.
void agent_health_note(struct agent_health *health, enum agent_problem problem, const char *agent,
                       unsigned status, const char *error);

// Time has passed: logs each problem of this kind again, if it lasts and it is time to.
void agent_health_remind(struct agent_health *health, enum agent_problem problem);

#endif
