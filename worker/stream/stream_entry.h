// An entry of the stream as Redis returns it: its kind, and the commands for one that this worker
// cannot use.
#ifndef DIALIN_STREAM_ENTRY_H
#define DIALIN_STREAM_ENTRY_H

#include "redis.h"
#include "webhook_entry.h"

#include <stdbool.h>

#define STREAM_GROUP "workers"

// A row of XRANGE, XREADGROUP or XPENDING: its entry id first.
bool stream_entry_is_row(const redisReply *row);

// The same with what stream_entry_read wants: its fields, or nil if it was deleted.
bool stream_entry_is_entry(const redisReply *row);
struct bytes_view stream_entry_id(const redisReply *row);

// The rows of the one stream in the reply of XREADGROUP; NULL if there are none.
const redisReply *stream_entry_rows(const redisReply *reply);

// Where the call goes by its hash, handed over with its entry; borrowed.
struct stream_entry_record {
    bool is_known; // else the call has no hash yet, and the names are empty
    struct bytes_view route, agent;
    unsigned step;
    bool was_looked_up;       // its route's lookup was asked
    struct bytes_view lookup; // the answer; empty: none that is of use
};
void stream_entry_read_record(const redisReply *row, struct stream_entry_record *record);

enum stream_entry_kind {
    STREAM_ENTRY_KNOWN,   // `entry` is filled; `problem` says why it cannot be used, or is NULL
    STREAM_ENTRY_NEWER,   // of a version that this worker does not know; `entry` has the version
    STREAM_ENTRY_DELETED, // somebody deleted it from the stream while it was pending
};
enum stream_entry_kind stream_entry_read(const redisReply *row, struct webhook_entry *entry,
                                         const char **problem);

// Logs the loss of a deleted entry and acknowledges it.
void stream_entry_acknowledge(struct redis *redis, struct bytes_view stream,
                              struct bytes_view entry_id);

// Gives an entry of a newer version to the consumer `unknown`, so that a worker that knows the
// version can find it.
void stream_entry_put_aside(struct redis *redis, struct bytes_view stream,
                            struct bytes_view entry_id, struct bytes_view version);

#endif
