// See redis_problem.h.
#include "redis_problem.h"

#include "log.h"
#include "loop.h"

#include <stdio.h>
#include <string.h>

void redis_trouble_say(struct redis_trouble *trouble, const char *connection, const char *text)
{
    uint64_t now_ms = loop_now_ms();
    if (!strncmp(trouble->said, text, sizeof trouble->said - 1) &&
        now_ms - trouble->said_ms < REDIS_TROUBLE_EVERY_MS) {
        return;
    }
    snprintf(trouble->said, sizeof trouble->said, "%s", text);
    trouble->said_ms = now_ms;
    log_warning("Redis cannot be used; trying again", log_text("connection", connection),
                log_text("error", trouble->said));
}
