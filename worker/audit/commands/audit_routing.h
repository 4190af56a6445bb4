// The routes that verify tries: a file of them in place of ROUTES_FILE, and after it the one agent
// of the environment, as the worker finds it.
#ifndef DIALIN_AUDIT_ROUTING_H
#define DIALIN_AUDIT_ROUTING_H

#include "audit_settings.h"
#include "route_match.h"
#include "routing.h"
#include "webhook_entry.h"

// Reads the file at `path`. Returns NULL, after printing a sentence, if it cannot be used.
struct routing *audit_routing_open(const char *path, const struct audit_settings *settings);

// The rule that takes this webhook's call, or NULL for the environment's agent. The agent's name is
// empty if this environment does not say which agent that is.
const struct route_rule *audit_routing_choose(const struct routing *routing,
                                              const struct webhook_entry *webhook,
                                              const struct route_agent **agent);

#endif
