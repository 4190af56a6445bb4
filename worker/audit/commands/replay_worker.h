// The worker of a replay: a dialin-worker of its own, with its own prefix, agent and key, that ends
// when the replay does, however that ends.
#ifndef DIALIN_AUDIT_REPLAY_WORKER_H
#define DIALIN_AUDIT_REPLAY_WORKER_H

#include "audit_settings.h"

#include <stdbool.h>
#include <sys/types.h>

struct replay_worker {
    pid_t id; // 0: it has ended
};

// Starts dialin-worker: the one beside this program, else the one in PATH. It reports itself if
// anything is wrong with its configuration. Returns false, after printing a sentence, if it cannot
// be started. `routes`: its file of routes; NULL: there is none.
bool replay_worker_start(struct replay_worker *worker, const struct audit_settings *settings,
                         const char *prefix, const char *start_url, const char *routes);

bool replay_worker_is_running(struct replay_worker *worker);
void replay_worker_stop(struct replay_worker *worker); // waits for its end

#endif
