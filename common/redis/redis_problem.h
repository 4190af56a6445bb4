// Logs problems with Redis, so that an outage is one line and not a thousand.
#ifndef DIALIN_REDIS_PROBLEM_H
#define DIALIN_REDIS_PROBLEM_H

#include <stdint.h>

#define REDIS_TROUBLE_EVERY_MS 10000 // the same trouble is said again

// Plain memory; zeroed is right to begin with, and once there is no trouble any more.
struct redis_trouble {
    char said[160];
    uint64_t said_ms;
};

void redis_trouble_say(struct redis_trouble *trouble, const char *connection, const char *text);

// The same of a server that is connected and refuses: by its error's first word, as commands
// differ.
void redis_trouble_say_refusal(struct redis_trouble *trouble, const char *connection,
                               const char *error);

#endif
