// Reads the audit stream as it grows, while somebody watches, and again from an id for who comes
// back. Nothing is delivered twice or left out over a restart of Redis.
#ifndef DIALIN_BOARD_EVENTS_H
#define DIALIN_BOARD_EVENTS_H

#include "entry_id.h"
#include "loop.h"
#include "redis.h"

#define EVENTS_NEWEST 25 // sent to a new viewer at first

// Rows as XRANGE returns them, oldest first; borrowed. `is_first`: the newest rows at the beginning
// of the reading, at most EVENTS_NEWEST.
typedef void events_on_rows(const redisReply *rows, bool is_first, void *arg);

struct events;
struct events *events_open(struct loop *loop, const struct redis_address *address,
                           const char *prefix, events_on_rows *on_rows, void *arg);
void events_close(struct events *events);

void events_want(struct events *events, bool is_wanted);
bool events_are_read(const struct events *events); // on_rows has been called with is_first

// The rows after `after`, at most `count`. The callback comes once; `rows` is NULL if Redis did not
// answer. False, and no callback, while the connection is down.
bool events_after(struct events *events, struct redis *redis, struct entry_id after, unsigned count,
                  redis_on_reply *on_reply, void *arg);

#endif
