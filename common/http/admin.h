// The admin port of a process: GET /healthz (it runs), /readyz (it can do its work, or the reason
// why not) and /metrics (Prometheus text).
#ifndef DIALIN_ADMIN_H
#define DIALIN_ADMIN_H

#include "config.h"
#include "loop.h"
#include "metrics.h"

#include <stdint.h>

struct admin;

// Returns the reason why the process cannot do its work, in a sentence, or NULL if it can.
typedef const char *admin_not_ready_reason(void *arg);

// Adds the problem of an ADMIN_ADDR that cannot be listened on.
void admin_check(const char *admin_addr, struct config_problems *problems);

// Returns NULL, after logging the reason, if it cannot listen on the port. `metrics` is borrowed.
struct admin *admin_open(struct loop *loop, const char *listen_addr, uint16_t port,
                         const struct metrics *metrics, admin_not_ready_reason *not_ready_reason,
                         void *arg);
void admin_close(struct admin *admin); // NULL is allowed

#endif
