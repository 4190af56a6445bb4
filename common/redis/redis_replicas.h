// Waits until so many replicas have all that a connection wrote (REDIS_WAIT_REPLICAS). One
// WAIT at a time answers for all who asked before it was sent. WAIT counts the writes of its
// connection, so nothing is known of them when that breaks.
#ifndef DIALIN_REDIS_REPLICAS_H
#define DIALIN_REDIS_REPLICAS_H

#include "loop.h"
#include "redis.h"

#include <stdbool.h>

#define REDIS_REPLICAS_PROBE_MS 250 // while they are missing: how often they are looked for

struct redis_replicas;

struct redis_replicas_settings {
    unsigned count;          // 0: Redis alone is enough
    unsigned wait_ms;        // of one WAIT; Redis serves this connection nothing else meanwhile
    const char *consequence; // of missing ones, for the error in the log; borrowed
};

// Replicas are missing after a WAIT that too few of them answered in time, and until one that they
// did. `on_change` is called then; it may be NULL.
struct redis_replicas *redis_replicas_open(struct loop *loop,
                                           const struct redis_replicas_settings *settings,
                                           loop_on_time *on_change, void *arg);

// After the connection. Those who still wait are called back first, in vain.
void redis_replicas_close(struct redis_replicas *replicas);

// The connection has come up, or is gone: then those who wait are called back before this returns,
// and nothing is missing, as nobody knows.
void redis_replicas_on_up(struct redis_replicas *replicas, struct redis *redis);
void redis_replicas_on_down(struct redis_replicas *replicas);

bool redis_replicas_are_wanted(const struct redis_replicas *replicas); // `count` is not 0
bool redis_replicas_are_missing(const struct redis_replicas *replicas);
#define REDIS_REPLICAS_NOT_READY "too few replicas of Redis (REDIS_WAIT_REPLICAS)"

// Waits for all whose reply has come on this connection. Exactly one callback, never from inside
// this call: true, the replicas have it; false, nobody knows. That comes when the connection
// breaks, and after `waits_max` WAITs that were not answered by enough replicas (0: there is no
// such limit).
typedef void redis_on_replicas(bool have_it, void *arg);
void redis_replicas_wait(struct redis_replicas *replicas, unsigned waits_max,
                         redis_on_replicas *callback, void *arg);

#endif
