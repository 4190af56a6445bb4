// Puts the records of a spool's files into Redis, oldest first, a window of records at a time. A
// window counts as drained when Redis has every record of it, and is sent again otherwise: Redis
// may get a record twice. A file that is drained is removed. How far a file is drained is not kept
// over a restart.
#ifndef DIALIN_SPOOL_DRAIN_H
#define DIALIN_SPOOL_DRAIN_H

#include "loop.h"
#include "spool_files.h"
#include "spool_sync.h"
#include "stream_writer.h"

#define SPOOL_AGAIN_MS 200 // after Redis did not take some of them

typedef bool spool_write(struct stream_writer *writer, size_t count,
                         const struct bytes_view *fields, stream_writer_on_written *on_written,
                         void *arg);

struct spool_drain_settings {
    struct loop *loop;
    struct stream_writer *writer;
    spool_write *write; // into the stream of these records
    struct spool_files *files;
    const struct spool_sync *sync;    // of these files: a record that is awaited stays
    const struct spool_files *before; // nothing leaves while one of these can; NULL: none
    size_t at_once_max;               // records on their way to Redis
    uint64_t *drained, *torn;         // counters of records
    loop_on_time *on_empty;           // all files are drained
    void *arg;
};

struct spool_drain;
// Everything is borrowed.
struct spool_drain *spool_drain_open(const struct spool_drain_settings *settings);

// Goes on: Redis is back, a file was added, or one of `before` is drained.
void spool_drain_go(struct spool_drain *drain);

void spool_drain_close(struct spool_drain *drain); // after the writer is closed

#endif
