// The newest events, as the pages get them.
#ifndef DIALIN_BOARD_RECENTS_H
#define DIALIN_BOARD_RECENTS_H

#include "bytes.h"
#include "entry_id.h"
#include "events.h"

#include <hiredis/hiredis.h>
#include <stdbool.h>

struct recent {
    struct entry_id id; // of its stream; of several streams, as live.c counts them
    uint64_t at_ms;
    const char *prefix; // borrowed, as it was given
    struct bytes text;  // a message of the stream; empty: there is none
};

struct recents {
    struct recent list[EVENTS_NEWEST]; // the oldest first; those that are empty before all
};

void recents_init(struct recents *recents);
void recents_release(struct recents *recents);

// Without those of one prefix: of the same pointer.
void recents_forget(struct recents *recents, const char *prefix);

// Takes the place of the oldest, as the newest; borrowed until the next call. `prefix` as in
// event_text.h; it lives as long as the list.
const struct recent *recents_add(struct recents *recents, const redisReply *row, struct entry_id id,
                                 const char *prefix);

// The same of one that may be older than others: by its time. NULL: it is older than all.
const struct recent *recents_insert(struct recents *recents, const redisReply *row,
                                    struct entry_id id, const char *prefix);

// The i-th, the oldest first; i < EVENTS_NEWEST. NULL: there is none, or it is not after `after`.
const struct recent *recents_after(const struct recents *recents, size_t i, struct entry_id after);

// Are all events after `after` among them?
bool recents_reach(const struct recents *recents, struct entry_id after);

#endif
