// What is now, as JSON for all viewers: a question a prefix, each over a connection of its own,
// because prefixes may lie on several nodes of a cluster.
#ifndef DIALIN_BOARD_SNAPSHOTS_H
#define DIALIN_BOARD_SNAPSHOTS_H

#include "board_settings.h"
#include "metrics.h"
#include "points.h"
#include "redis.h"

// Comes for every question, also if Redis is away: then the JSON has `redis_problem`, and `point`
// is NULL, as it is if one prefix is unknown. Both are borrowed for the callback.
typedef void snapshots_on_text(struct bytes_view json, const struct point *point, void *arg);

struct snapshots;
struct snapshots *snapshots_open(struct loop *loop, const struct board_settings *settings,
                                 struct metrics *metrics, snapshots_on_text *on_text, void *arg);
void snapshots_close(struct snapshots *snapshots);

// The callback may come from inside this call. A question that is still out is not repeated.
void snapshots_ask(struct snapshots *snapshots);

struct redis *snapshots_connection(const struct snapshots *snapshots, size_t prefix); // borrowed

// NULL: Redis is there, for one prefix at least.
const char *snapshots_not_ready_reason(const struct snapshots *snapshots);

#endif
