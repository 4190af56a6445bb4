// The routes that verify tries: a file of them in place of ROUTES_FILE, and after it the one agent
// of the environment, as the worker finds it.
#ifndef DIALIN_AUDIT_ROUTING_H
#define DIALIN_AUDIT_ROUTING_H

#include "audit_settings.h"
#include "route_match.h"
#include "webhook_entry.h"

struct routing {
    struct route_file file;
    struct route fallback; // its agent is empty if the environment names none
};

// Reads the file at `path`. Returns false, after printing a sentence, if it cannot be used. Keys
// that the file names are added to the secrets of `settings`.
bool routing_open(struct routing *routing, const char *path, struct audit_settings *settings);
void routing_close(struct routing *routing);

// The rule that takes this webhook's call, or NULL for the fallback. *agent is empty if this
// environment does not say which agent that is.
const struct route_rule *routing_choose(const struct routing *routing,
                                        const struct webhook_entry *webhook, const char **agent);

#endif
