// Reads the webhook of one recorded call from Redis, on a loop of its own, for --explain.
#ifndef DIALIN_RECORDED_ENTRY_H
#define DIALIN_RECORDED_ENTRY_H

#include "redis.h"
#include "webhook_entry.h"

// From the call's hash; borrowed.
struct recorded_place {
    const char *state, *route, *agent;
};

typedef void recorded_entry_on_read(const struct webhook_entry *entry,
                                    const struct recorded_place *place, void *arg);

// Calls `on_read` once, before it returns, or prints why the call cannot be read.
void recorded_entry_read(const struct redis_address *address, const char *prefix,
                         const char *call_id, recorded_entry_on_read *on_read, void *arg);

#endif
