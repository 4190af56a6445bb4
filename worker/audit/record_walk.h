// Walks through the record, call by call, in pages: its memory does not grow with the
// number of calls. If the selection names numbers, agents or outcomes, it looks into the index
// first, and reads only the minutes of entries in which they occur, and unfinished entries.
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

// Returns false if Redis did not answer. If there is no stream, all is 0.
bool stream_state_read(struct database *database, struct stream_state *state);

// Returns false if the walk should end. `call` is borrowed for the callback, which may ask
// Redis: nothing is in the pipeline then.
typedef bool record_on_call(const struct recorded_call *call, void *arg);

// Returns false if Redis did not answer, or an interrupt came.
bool record_walk(struct database *database, const struct selection *selection,
                 enum database_order order, record_on_call *on_call, void *arg);

// One call by the name under which it is recorded, or by the id of its entry. `call` points into
// *row and *hash, both to be freed. Returns false, with both NULL, if it is not known (or Redis did
// not answer).
bool record_find(struct database *database, const char *call_id, struct recorded_call *call,
                 redisReply **row, redisReply **hash);

#endif
