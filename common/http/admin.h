// The admin port of a process: GET /healthz (it runs), /readyz (it can do its work, or what is
// missing) and /metrics (Prometheus text).
#ifndef DIALIN_ADMIN_H
#define DIALIN_ADMIN_H

#include "loop.h"
#include "metrics.h"

#include <stdint.h>

struct admin;

// Says what keeps the process from its work, in a sentence, or NULL when nothing does.
typedef const char *admin_missing(void *arg);

// NULL, with a logged reason, where the port cannot be listened on. `metrics` is borrowed.
struct admin *admin_open(struct loop *loop, const char *listen_addr, uint16_t port,
                         const struct metrics *metrics, admin_missing *missing, void *arg);
void admin_close(struct admin *admin); // NULL is allowed

#endif
