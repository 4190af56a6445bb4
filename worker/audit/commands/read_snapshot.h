// Asks Redis for a snapshot of the queue.
#ifndef DIALIN_AUDIT_READ_SNAPSHOT_H
#define DIALIN_AUDIT_READ_SNAPSHOT_H

#include "database.h"
#include "snapshot.h"

// With a deep walk through the wait queues, if one is due: a first reading has one, and so counts
// the lost of the first FORECAST_DEEP_WALK_MAX one by one. The reply is to be freed after the
// snapshot; NULL, after a sentence on standard error: there is none.
redisReply *read_snapshot(struct database *database, const struct snapshot_query *query,
                          struct snapshot_memory *memory, struct snapshot *snapshot);

#endif
