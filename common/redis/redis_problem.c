// See redis_problem.h.
#include "redis_problem.h"

#include "log.h"
#include "loop.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

// True if it is to be logged: it is new, or was logged long ago.
static bool is_due(struct redis_problem_log *problem, const char *text, size_t compared)
{
    uint64_t now_ms = loop_now_ms();
    size_t len = compared < sizeof problem->reported - 1 ? compared : sizeof problem->reported - 1;
    if (!strncmp(problem->reported, text, len) && problem->reported[0] &&
        now_ms - problem->reported_ms < REDIS_PROBLEM_EVERY_MS) {
        return false;
    }
    snprintf(problem->reported, sizeof problem->reported, "%s", text);
    problem->reported_ms = now_ms;
    return true;
}

void redis_problem_report(struct redis_problem_log *problem, const char *connection,
                          const char *text)
{
    if (is_due(problem, text, sizeof problem->reported)) {
        log_warning("Redis cannot be used; retrying", log_text("connection", connection),
                    log_text("error", problem->reported));
    }
}

void redis_problem_report_refusal(struct redis_problem_log *problem, const char *connection,
                                  const char *error)
{
    if (is_due(problem, error, strcspn(error, " "))) {
        log_warning("Redis refuses a command; retrying", log_text("connection", connection),
                    log_text("error", problem->reported));
    }
}
