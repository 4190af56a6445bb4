// dialin-worker --explain: which route takes a call, why those before it do not, and the request
// that would be sent. Prints it; asks no agent.
#ifndef DIALIN_EXPLAIN_H
#define DIALIN_EXPLAIN_H

#include "settings.h"

// `argument` is the JSON of a webhook, or the id of a recorded call, which is read from Redis.
// Returns the exit code: 0, or 1 after a sentence if there is nothing to explain.
int explain(const struct settings *settings, const char *argument);

#endif
