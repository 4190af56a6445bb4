// The consumer group: reads as many entries as there is room for, keeps this worker's lease, and
// takes over what workers without a lease have left behind.
//
// It reads on a blocking connection of its own, and everything else on the connection that it
// shares with the record. An entry is this worker's from its arrival until it is acknowledged or
// taken over by another; the same entry may be offered more than once.
#ifndef DIALIN_STREAM_READER_H
#define DIALIN_STREAM_READER_H

#include "loop.h"
#include "redis.h"
#include "script.h"
#include "webhook_entry.h"

#include <stdbool.h>
#include <stdint.h>

#define STREAM_READER_COUNT_MAX 256 // entries in one answer
#define STREAM_READER_BLOCK_MS 1000
#define STREAM_READER_LOOK_MS 1000 // how often leases of others are looked at
#define STREAM_READER_CONSUMER_BYTES 96
#define STREAM_READER_NAME_BYTES_MAX 64 // of WORKER_NAME

struct stream_reader_events {
    // An entry is here; everything is borrowed. `problem` is NULL, or says why `entry` (as far as
    // it could be read) cannot be used. False: there is no room, offer it again after
    // stream_reader_pull. An entry that is known already is true, and nothing else.
    bool (*on_entry)(struct bytes_view entry_id, const struct webhook_entry *entry,
                     const char *problem, void *arg);
    size_t (*room)(void *arg); // entries that may come now
};

// Everything is borrowed for the life of the reader.
struct stream_reader_settings {
    const char *prefix;
    const char *worker_name;
    const char *consumer; // made by stream_reader_name
    uint64_t lease_ms;
};

// The consumer's name: the worker's and 8 random hex digits, new at each start, so that a worker
// that comes back never mistakes its predecessor's entries for its own.
void stream_reader_name(char consumer[STREAM_READER_CONSUMER_BYTES], const char *worker_name);

struct stream_reader;
struct stream_reader *stream_reader_open(struct loop *loop, const struct redis_address *address,
                                         struct redis *commands, struct scripts *scripts,
                                         const struct stream_reader_settings *settings,
                                         const struct stream_reader_events *events, void *arg);

// The shared connection has come up and the scripts are being loaded.
void stream_reader_on_commands_up(struct stream_reader *reader);

void stream_reader_pull(struct stream_reader *reader); // there is room again
bool stream_reader_is_reading(const struct stream_reader *reader);

void stream_reader_stop(struct stream_reader *reader); // takes no more; keeps the lease

// Gives the lease up, so that others take over at once what is left; then calls back, also where
// Redis is away. After stream_reader_stop.
void stream_reader_leave(struct stream_reader *reader, loop_on_time *on_left, void *arg);

void stream_reader_close(struct stream_reader *reader);

#endif
