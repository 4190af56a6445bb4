// The consumer group: reads as many entries as there is room for, and finds those that are in this
// consumer's pending list without having arrived here.
//
// It reads on a blocking connection of its own, and sends everything else on the connection that it
// shares with the record. An entry is this worker's from its arrival until it is acknowledged or
// claimed by another; the same entry may be offered more than once.
#ifndef DIALIN_STREAM_READER_H
#define DIALIN_STREAM_READER_H

#include "loop.h"
#include "redis.h"
#include "script.h"
#include "stream_entry.h"
#include "webhook_entry.h"

#include <stdbool.h>
#include <stdint.h>

#define STREAM_READER_COUNT_MAX 256 // entries in one answer
#define STREAM_READER_BLOCK_MS 1000
#define STREAM_READER_DELIVERIES_MAX 5 // of an entry whose workers die of it; then it is given up
#define STREAM_READER_CONSUMER_BYTES 96
#define STREAM_READER_NAME_BYTES_MAX 64 // of WORKER_NAME

struct stream_reader_events {
    // An entry is here, with what is recorded of its call already; everything is borrowed.
    // `problem` is NULL, or says why `entry` (as far as it could be read) cannot be used. False:
    // there is no room, offer it again after stream_reader_pull. An entry that is known already is
    // true, and nothing else.
    bool (*on_entry)(struct bytes_view entry_id, const struct webhook_entry *entry,
                     const struct stream_entry_record *record, const char *problem, void *arg);
    bool (*is_known)(struct bytes_view entry_id, void *arg);
    size_t (*room)(void *arg);      // entries that may come now
    size_t (*beginning)(void *arg); // entries that came and have not survived their beginning yet
};

// Everything is borrowed for the life of the reader.
struct stream_reader_settings {
    const char *prefix;
    const char *consumer; // made by stream_reader_name
};

// The consumer's name: the worker's and 8 random hex digits, new at each start, so that a worker
// that comes back never mistakes its predecessor's entries for its own.
void stream_reader_name(char consumer[STREAM_READER_CONSUMER_BYTES], const char *worker_name);

struct stream_reader;
struct stream_reader *stream_reader_open(struct loop *loop, const struct redis_address *address,
                                         struct redis *commands, struct scripts *scripts,
                                         const struct stream_reader_settings *settings);

// To whom entries are offered: to be said before the loop runs.
void stream_reader_serve(struct stream_reader *reader, const struct stream_reader_events *events,
                         void *arg);
size_t stream_reader_room(const struct stream_reader *reader); // entries that may come now

// Begins, once the worker's lease stands; stops for good.
void stream_reader_start(struct stream_reader *reader);
void stream_reader_stop(struct stream_reader *reader);

// There is room again, or an entry has survived its beginning.
void stream_reader_pull(struct stream_reader *reader);

// The group is gone, as somebody else has learnt: makes it again, also while there is no room.
void stream_reader_make_group(struct stream_reader *reader);

// Offers entries that were claimed for this consumer elsewhere: rows of an XRANGE.
void stream_reader_take(struct stream_reader *reader, const redisReply *rows);

// Entries were claimed for this consumer elsewhere, unseen: looks for them in its pending list.
void stream_reader_read_pending(struct stream_reader *reader);
bool stream_reader_has_pending(const struct stream_reader *reader); // or does not know yet

// This worker is leaving and will not work on the entry: others take it at once.
void stream_reader_release(struct stream_reader *reader, struct bytes_view entry_id);

// Returns the reason why it cannot read, in a sentence; NULL if it can.
const char *stream_reader_not_ready_reason(const struct stream_reader *reader);

// New connections use this address.
void stream_reader_reload(struct stream_reader *reader, const struct redis_address *address);

void stream_reader_close(struct stream_reader *reader);

#endif
