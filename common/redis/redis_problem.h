// Logs problems with Redis, so that an outage is one line and not a thousand.
#ifndef DIALIN_REDIS_PROBLEM_H
#define DIALIN_REDIS_PROBLEM_H

#include <stdint.h>

#define REDIS_PROBLEM_EVERY_MS 10000 // the same trouble is said again

// Plain memory; zeroed is right to begin with, and again when the problem is over.
struct redis_problem_log {
    char reported[160];
    uint64_t reported_ms;
};

void redis_problem_report(struct redis_problem_log *problem, const char *connection,
                          const char *text);

// The same of a server that is connected and refuses: by its error's first word, as commands
// differ.
void redis_problem_report_refusal(struct redis_problem_log *problem, const char *connection,
                                  const char *error);

#endif
