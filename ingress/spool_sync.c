// Surprising: after an fdatasync has failed, the content of the disk is unknown, and the next one
// would say that all is well. So the file is given up: nothing further is appended to it, and
// nothing that was waiting for that fdatasync counts as kept.
#include "spool_sync.h"

#include "memory.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

struct sync_waiter {
    struct sync_waiter *next;
    struct spool_file *file;
    uint64_t end; // kept when the file is durable up to here
    spool_on_kept *on_kept;
    void *arg;
};

struct spool_sync {
    struct spool_sync_settings settings;
    struct sync_waiter *first, *last;
    struct spool_file *syncing; // its fdatasync is out
    uint64_t syncing_to;
};

static void go_on(struct spool_sync *sync);

static void tell(struct spool_sync *sync, const struct spool_file *file, bool is_kept)
{
    while (sync->first && sync->first->file == file &&
           (sync->first->end <= file->durable || !is_kept)) {
        struct sync_waiter *sync_waiter = sync->first;
        sync->first = sync_waiter->next;
        sync->last = sync->first ? sync->last : NULL;
        *sync->settings.kept += is_kept;
        sync_waiter->on_kept(is_kept, sync_waiter->arg);
        free(sync_waiter);
    }
}

static void on_synced(bool is_durable, void *arg)
{
    struct spool_sync *sync = arg;
    struct spool_file *file = sync->syncing;
    sync->syncing = NULL;
    if (is_durable) {
        file->durable = sync->syncing_to;
    } else {
        file->is_broken = true;
        spool_files_complain(sync->settings.files, "fdatasync", EIO);
    }
    tell(sync, file, is_durable);
    go_on(sync);
    sync->settings.on_end(sync->settings.arg);
}

static void go_on(struct spool_sync *sync)
{
    if (!sync->syncing && sync->first) {
        sync->syncing = sync->first->file;
        sync->syncing_to = sync->syncing->bytes;
        loop_sync(sync->settings.loop, sync->syncing->fd, on_synced, sync);
    }
}

void spool_sync_wait(struct spool_sync *sync, struct spool_file *file, spool_on_kept *on_kept,
                     void *arg)
{
    struct sync_waiter *sync_waiter = memory_zeroed(sizeof *sync_waiter);
    *sync_waiter =
        (struct sync_waiter){.file = file, .end = file->bytes, .on_kept = on_kept, .arg = arg};
    *(sync->last ? &sync->last->next : &sync->first) = sync_waiter;
    sync->last = sync_waiter;
    go_on(sync);
}

bool spool_sync_is_out(const struct spool_sync *sync)
{
    return sync->syncing != NULL;
}

bool spool_sync_is_awaited(const struct spool_sync *sync, const struct spool_file *file)
{
    const struct sync_waiter *sync_waiter = sync->first;
    while (sync_waiter && sync_waiter->file != file) {
        sync_waiter = sync_waiter->next;
    }
    return sync->syncing == file || sync_waiter;
}

struct spool_sync *spool_sync_open(const struct spool_sync_settings *settings)
{
    struct spool_sync *sync = memory_zeroed(sizeof *sync);
    sync->settings = *settings;
    return sync;
}

void spool_sync_close(struct spool_sync *sync)
{
    assert(!sync->syncing && !sync->first);
    free(sync);
}
