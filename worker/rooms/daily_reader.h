// Reads Daily's events and joins them to their calls, with room beside calls only; and judges which
// callers were never connected. Several workers do it at once: each step is atomic.
#ifndef DIALIN_DAILY_READER_H
#define DIALIN_DAILY_READER_H

#include "line.h"
#include "loop.h"
#include "metrics.h"
#include "script.h"
#include "stream_reader.h"

#include <stdint.h>

#define DAILY_READER_EVENTS_MAX 8   // in one step, which holds Redis up for so many only
#define DAILY_READER_LOOK_MS 100    // while none come
#define DAILY_READER_MORE_MS 4      // while more wait: events never hold up a call
#define DAILY_READER_AGAIN_MS 30000 // an entry that was not acknowledged is taken again
#define DAILY_READER_CLAIM_MS 10000 // how often such are looked for
#define DAILY_READER_JUDGE_MS 1000  // how often calls are judged
#define DAILY_READER_JUDGED_MAX 50  // in one step
#define DAILY_READER_SETTLE_MS 5000 // nobody is judged, once Redis is back: spools bring events
#define DAILY_READER_LOG_MS 10000   // between two lines about events that are none

// Everything is borrowed for its life.
struct daily_reader_settings {
    uint64_t connect_limit_ms; // after its start a call without an event is judged
    // A caller hung up while waiting for this agent; the call is dead for this reason.
    void (*on_abandoned)(const char *agent, const char *reason, void *arg);
    void *arg;
};

struct daily_reader;
struct daily_reader *daily_reader_open(struct loop *loop, struct scripts *scripts,
                                       struct stream_reader *reader, struct lines *lines,
                                       const struct daily_reader_settings *settings,
                                       struct metrics *metrics);
void daily_reader_on_up(struct daily_reader *reader); // the connection is up, or up again
void daily_reader_stop(struct daily_reader *reader);  // reads nothing from then on
void daily_reader_close(struct daily_reader *reader); // after the connection

#endif
