// The spool: webhooks on the local disk while Redis is away, put into the stream, oldest first,
// when it is back; also those of an ingress that is gone. A webhook counts as kept
// when an fdatasync after it has succeeded; one fdatasync serves all that arrived together.
//
// Daily's events are kept there too, in files of their own, and callers go first: an event gets
// room only within a share of the events' own, and on the disk only beyond all that the calls may
// ever take; it goes to Redis after the calls. An older program leaves these files alone.
#ifndef DIALIN_SPOOL_H
#define DIALIN_SPOOL_H

#include "loop.h"
#include "metrics.h"
#include "spool_sync.h"
#include "stream_writer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SPOOL_DRAIN_COUNT_MAX 64  // webhooks of calls on their way to Redis at once
#define SPOOL_DRAIN_EVENTS_MAX 16 // events, which a call may find before it
#define SPOOL_EVENTS_PERCENT 10   // of `bytes_max`: the events' share, beside the calls' bytes
#define SPOOL_LOOK_MS 5000        // how often the folder is searched for orphans
#define SPOOL_ORPHANS_MAX 32      // of a kind; from here on more orphans wait for their turn

struct spool;

// `folder` is borrowed, and there already; `bytes_max` of calls. Returns NULL with errno if it
// cannot be opened.
struct spool *spool_open(struct loop *loop, const char *folder, uint64_t bytes_max,
                         struct stream_writer *writer, struct metrics *metrics);

// Keeps one entry; `fields` are names and values in turn. Returns false, without a callback, if the
// spool is full or its disk fails. Otherwise one callback, never from inside the call.
bool spool_keep(struct spool *spool, size_t count, const struct bytes_view *fields,
                spool_on_kept *on_kept, void *arg);
// The same for one of Daily's events.
bool spool_keep_event(struct spool *spool, size_t count, const struct bytes_view *fields,
                      spool_on_kept *on_kept, void *arg);

uint64_t spool_bytes(const struct spool *spool);        // in the files of calls
uint64_t spool_events_bytes(const struct spool *spool); // in those of events

// Returns the reason why it cannot take webhooks of calls, or NULL.
const char *spool_not_ready_reason(const struct spool *spool);

// Redis is back: goes on draining.
void spool_drain(struct spool *spool);

// Entries that are not drained stay in their file. After the writer is closed; waits for an
// fdatasync that is out, whose callback comes first.
bool spool_is_syncing(const struct spool *spool);
void spool_close(struct spool *spool);

#endif
