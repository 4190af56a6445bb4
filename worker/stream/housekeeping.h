// Keeps Redis tidy, a bounded step at a time: moves the low-water mark up, takes finished history
// away when its time is over or memory is short, and looks after the entries that were put aside
// because of their version. Several workers may do it at once: each step is atomic.
#ifndef DIALIN_HOUSEKEEPING_H
#define DIALIN_HOUSEKEEPING_H

#include "loop.h"
#include "metrics.h"
#include "script.h"
#include "stream_reader.h"

#include <stdint.h>

#define HOUSEKEEPING_EVERY_MS 10000              // and a little, by chance
#define HOUSEKEEPING_WATCHFUL_MS 1000            // while memory fills
#define HOUSEKEEPING_MORE_MS 20                  // while there is more to do
#define HOUSEKEEPING_MEMORY_PERCENT 70           // of maxmemory; above it finished history goes
#define HOUSEKEEPING_WATCHFUL_PERCENT 55         // from here on memory is looked at more often
#define HOUSEKEEPING_ENTRIES_MAX 200             // in one step, which holds Redis up for about 3 ms
#define HOUSEKEEPING_ABOVE_HOLD_MS (3600 * 1000) // then an entry of an unknown version is given up

// Everything is borrowed for its life.
struct housekeeping_settings {
    const char *consumer;
    uint64_t retention_ms;
    uint64_t hold_ms_max; // the longest hold of any call
};

struct housekeeping;
struct housekeeping *housekeeping_open(struct loop *loop, struct scripts *scripts,
                                       struct stream_reader *reader,
                                       const struct housekeeping_settings *settings,
                                       struct metrics *metrics);

// The connection has come up: runs at once.
void housekeeping_on_up(struct housekeeping *housekeeping);
void housekeeping_stop(struct housekeeping *housekeeping);  // for good
void housekeeping_close(struct housekeeping *housekeeping); // after the connection

#endif
