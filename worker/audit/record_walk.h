// Walks through the record, call by call, in pages: its memory does not grow with the
// number of calls. If the selection names numbers, prefixes of numbers, agents, routes or outcomes,
// it looks into the index first, and reads only the minutes of entries in which they occur, and
// unfinished entries.
#ifndef DIALIN_AUDIT_RECORD_WALK_H
#define DIALIN_AUDIT_RECORD_WALK_H

#include "record_page.h"

// Returns false if Redis did not answer. If there is no stream, all is 0.
bool stream_state_read(struct database *database, struct stream_state *state);

// Returns false if the walk should end. `call` is borrowed for the callback, which may ask
// Redis: nothing is in the pipeline then.
typedef bool record_on_call(const struct recorded_call *call, void *arg);

// `wanted` names the fields of a call's hash that the callback reads, and ends with NULL: of the
// hash nothing else may be there, and the members of `call` that come from other fields are empty
// (`state` is always known). RECORD_WHOLE: the whole hash, of the selected calls only. Returns
// false if Redis did not answer, or an interrupt came.
#define RECORD_WHOLE NULL
#define RECORD_NOTHING ((const char *const[]){NULL}) // but state and webhook
bool record_walk(struct database *database, const struct selection *selection,
                 enum database_order order, const char *const *wanted, record_on_call *on_call,
                 void *arg);

// One call by the name under which it is recorded, or by the id of its entry. `call` points into
// *row and *hash, both to be freed. Returns false, with both NULL, if it is not known (or Redis did
// not answer).
bool record_find(struct database *database, const char *call_id, struct recorded_call *call,
                 redisReply **row, redisReply **hash);

#endif
