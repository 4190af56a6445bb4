// Finds the server that holds our keys now. Of a plain REDIS_URL: every address of its host. Of
// Sentinels: of the master that they name. Of a cluster: of the node that holds our slot.
#ifndef DIALIN_REDIS_DISCOVERY_H
#define DIALIN_REDIS_DISCOVERY_H

#include "loop.h"
#include "redis_address.h"
#include "redis_link.h"

#include <stddef.h>

#define REDIS_TARGETS_MAX LOOP_ADDRESSES_MAX
#define REDIS_DISCOVERY_ANSWER_MS 500 // of a Sentinel or node, after which the next one is asked

struct redis_discovery;

struct redis_discovery *redis_discovery_open(struct loop *loop,
                                             const struct redis_address *address); // borrowed
void redis_discovery_close(struct redis_discovery *discovery); // no callback follows

// Looks once, at each Sentinel or node until one knows; the next search begins at the next of them.
// The callback comes once, and not from inside this call: the addresses to be tried, in this order;
// or none, with a sentence. `tls` is NULL for none; it is borrowed until then.
typedef void redis_on_targets(const struct redis_target *targets, size_t count, const char *problem,
                              void *arg);
void redis_discovery_find(struct redis_discovery *discovery, struct redis_tls *tls,
                          redis_on_targets *on_targets, void *arg);
void redis_discovery_stop(struct redis_discovery *discovery);

// A node has said "MOVED slot host:port": the next search goes there and asks nobody. `from` is the
// node that said it, whose host is meant if the error names none.
void redis_discovery_moved(struct redis_discovery *discovery, const char *error,
                           const struct redis_target *from);

#endif
