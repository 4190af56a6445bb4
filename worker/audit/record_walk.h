// Walks through the record, call by call, in pages: what it holds in memory does not grow with the
// number of calls. Where numbers, agents or outcomes are asked for, it looks into the index first,
// and reads only those minutes of entries in which they occur, and what is unfinished.
#ifndef DIALIN_AUDIT_RECORD_WALK_H
#define DIALIN_AUDIT_RECORD_WALK_H

#include "database.h"
#include "selection.h"

// How the stream stood when it was asked.
struct stream_state {
    uint64_t added;                  // entries, ever
    uint64_t length;                 // entries that are there
    struct entry_id oldest, newest;  // that are there, or were the newest
    struct entry_id delivered;       // up to here the group has read
    struct entry_id unfinished_from; // before this one every entry is finished
    uint64_t pending;
};

// Answers false where Redis did not. No stream at all: all is 0.
bool stream_state_read(struct database *database, struct stream_state *state);

// Returns false where the walk is to end. `call` is borrowed for the callback, which may ask
// Redis: nothing is in the pipeline then.
typedef bool record_on_call(const struct recorded_call *call, void *arg);

// Answers false where Redis did not answer, or an interrupt came.
bool record_walk(struct database *database, const struct selection *selection,
                 enum database_order order, record_on_call *on_call, void *arg);

// One call by the name under which it is recorded. `call` points into *row and *hash, both to be
// freed. Answers false, with both NULL, where it is not known (or Redis did not answer).
bool record_find(struct database *database, const char *call_id, struct recorded_call *call,
                 redisReply **row, redisReply **hash);

#endif
