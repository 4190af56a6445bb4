// Reports when the records appended to a spool's files are durable. One fdatasync is out at a time,
// and serves all that arrived before it.
#ifndef DIALIN_SPOOL_SYNC_H
#define DIALIN_SPOOL_SYNC_H

#include "loop.h"
#include "spool_files.h"

#include <stdbool.h>
#include <stdint.h>

typedef void spool_on_kept(bool is_kept, void *arg);

struct spool_sync_settings {
    struct loop *loop;
    struct spool_files *files;
    uint64_t *kept;       // counter
    loop_on_time *on_end; // an fdatasync has ended, and everybody was told
    void *arg;
};

struct spool_sync;
// Everything is borrowed.
struct spool_sync *spool_sync_open(const struct spool_sync_settings *settings);

// One callback, never from inside the call, when all that `file` holds now is durable or will never
// count as such.
void spool_sync_wait(struct spool_sync *sync, struct spool_file *file, spool_on_kept *on_kept,
                     void *arg);
bool spool_sync_is_out(const struct spool_sync *sync); // an fdatasync

// Does somebody still wait for this file?
bool spool_sync_is_awaited(const struct spool_sync *sync, const struct spool_file *file);

void spool_sync_close(struct spool_sync *sync); // when nobody waits

#endif
