// Reads the audit stream as it grows, while somebody watches, and again from an id for who comes
// back. Nothing is delivered twice, or left out without being counted, over a restart of Redis.
//
// Of more events than are shown only the newest are read: whoever takes a part of those delivered
// is given no more until events_skip.
#ifndef DIALIN_BOARD_EVENTS_H
#define DIALIN_BOARD_EVENTS_H

#include "entry_id.h"
#include "loop.h"
#include "redis.h"

#define EVENTS_NEWEST 25          // what a new viewer sees at first
#define EVENTS_GATHER_MS 40       // after some have come, the next ones are gathered so long
#define EVENTS_UNKNOWN UINT64_MAX // how many were left out, if the stream was made anew

// Rows as XRANGE returns them, oldest first; borrowed.
struct events_callbacks {
    // The newest rows, at most EVENTS_NEWEST: at the beginning of the reading (`is_first`), or
    // those after events_skip. `left_out`: rows before them, after the last that was taken.
    void (*on_newest)(const redisReply *rows, bool is_first, uint64_t left_out, void *arg);
    // Those that have come since. Returns how many of them, from the oldest on, were taken.
    size_t (*on_next)(const redisReply *rows, void *arg);
};

struct events;
// `callbacks` are borrowed.
struct events *events_open(struct loop *loop, const struct redis_address *address,
                           const char *prefix, const struct events_callbacks *callbacks, void *arg);
void events_close(struct events *events);

void events_want(struct events *events, bool is_wanted);
bool events_are_read(const struct events *events); // on_newest has been called with is_first

// If a part was not taken: goes on with the newest. Else nothing.
void events_skip(struct events *events);

// The rows after `after`, at most `count`. The callback comes once; `rows` is NULL if Redis did not
// answer. False, and no callback, while the connection is down.
bool events_after(struct events *events, struct redis *redis, struct entry_id after, unsigned count,
                  redis_on_reply *on_reply, void *arg);

#endif
