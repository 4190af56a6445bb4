// The routes of a rehearsal: those of a file, with the one agent of the replay in place of theirs.
#ifndef DIALIN_AUDIT_REPLAY_ROUTES_H
#define DIALIN_AUDIT_REPLAY_ROUTES_H

#include "audit_settings.h"

#include <stdbool.h>

#define REPLAY_ROUTES_PATH_BYTES 48

// Writes the routes of the file at `from` to memory, under a path that a child process can read.
// They match and equip calls as in the file. Left out are the agents, and whatever would reach
// anybody but the replay's agent: lookup, overflow, callback, limit_per_caller. Returns false,
// after printing a sentence, if the file cannot be used. The memory is freed when both processes
// have ended.
bool replay_routes_make(const char *from, const struct audit_settings *settings,
                        char path[REPLAY_ROUTES_PATH_BYTES]);

#endif
