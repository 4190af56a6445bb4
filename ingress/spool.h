// The spool: webhooks on the local disk while Redis is away, put into the stream, oldest first,
// when it is back; also those of an ingress that is gone. A webhook counts as kept
// when an fdatasync after it has succeeded; one fdatasync serves all that arrived together.
#ifndef DIALIN_SPOOL_H
#define DIALIN_SPOOL_H

#include "loop.h"
#include "metrics.h"
#include "stream_writer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SPOOL_DRAIN_COUNT_MAX 64 // entries on their way to Redis at once
#define SPOOL_AGAIN_MS 200       // after Redis did not take some of them
#define SPOOL_PAUSE_MS 1000      // after a disk error, before the next file is tried
#define SPOOL_LOOK_MS 5000       // how often the folder is searched for orphans
#define SPOOL_FILES_MAX 64       // in use at once
#define SPOOL_ORPHANS_MAX 32     // from here on more orphans wait for their turn

struct spool;

// `folder` is borrowed, and there already. Returns NULL with errno if it cannot be opened.
struct spool *spool_open(struct loop *loop, const char *folder, uint64_t bytes_max,
                         struct stream_writer *writer, struct metrics *metrics);

// Keeps one entry; `fields` are names and values in turn. Returns false, without a callback, if the
// spool is full or its disk fails. Otherwise one callback, never from inside the call.
typedef void spool_on_kept(bool is_kept, void *arg);
bool spool_keep(struct spool *spool, size_t count, const struct bytes_view *fields,
                spool_on_kept *on_kept, void *arg);

// Returns the reason why it cannot take webhooks, or NULL.
uint64_t spool_bytes(const struct spool *spool); // in its files
const char *spool_not_ready_reason(const struct spool *spool);

// Redis is back: goes on draining.
void spool_drain(struct spool *spool);

// Entries that are not drained stay in their file. After the writer is closed; waits for an
// fdatasync that is out, whose callback comes first.
bool spool_is_syncing(const struct spool *spool);
void spool_close(struct spool *spool);

#endif
