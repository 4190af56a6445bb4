// --check-config --online of the worker: does Redis allow what the worker does, and can the agents
// be reached? No bot is started.
#ifndef DIALIN_WORKER_ONLINE_H
#define DIALIN_WORKER_ONLINE_H

#include "findings.h"
#include "redis_address.h"

#include <stdbool.h>

// For struct process: `settings` is a loaded struct settings.
void online_check(const void *settings, struct findings *findings);

// The part about Redis alone, for dialin-audit as well. Returns false if it cannot be reached.
bool online_check_redis(const struct redis_address *address, const char *prefix, const char *name,
                        struct findings *findings);

#endif
