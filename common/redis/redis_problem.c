// See redis_problem.h.
#include "redis_problem.h"

#include "log.h"
#include "loop.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

// True if it is to be logged: it is new, or was logged long ago.
static bool is_due(struct redis_trouble *trouble, const char *text, size_t compared)
{
    uint64_t now_ms = loop_now_ms();
    size_t len = compared < sizeof trouble->said - 1 ? compared : sizeof trouble->said - 1;
    if (!strncmp(trouble->said, text, len) && trouble->said[0] &&
        now_ms - trouble->said_ms < REDIS_TROUBLE_EVERY_MS) {
        return false;
    }
    snprintf(trouble->said, sizeof trouble->said, "%s", text);
    trouble->said_ms = now_ms;
    return true;
}

void redis_trouble_say(struct redis_trouble *trouble, const char *connection, const char *text)
{
    if (is_due(trouble, text, sizeof trouble->said)) {
        log_warning("Redis cannot be used; trying again", log_text("connection", connection),
                    log_text("error", trouble->said));
    }
}

void redis_trouble_say_refusal(struct redis_trouble *trouble, const char *connection,
                               const char *error)
{
    if (is_due(trouble, error, strcspn(error, " "))) {
        log_warning("Redis refuses a command; trying again", log_text("connection", connection),
                    log_text("error", trouble->said));
    }
}
