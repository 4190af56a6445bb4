// When the stream of Daily's events is to be cut, and how: it is bounded by number and by bytes,
// read or not. Pure.
//
// Redis bounds a stream by number only. So the entries that this ingress has put in are counted by
// their bytes, the newest id of each EVENT_TRIM_MARK_BYTES is remembered, and what is older than
// the last EVENT_TRIM_BYTES_MAX of them goes.
#ifndef DIALIN_EVENT_TRIM_H
#define DIALIN_EVENT_TRIM_H

#include "bytes.h"
#include "entry_id.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EVENT_TRIM_ENTRIES_MAX 100000            // in the stream, about
#define EVENT_TRIM_BYTES_MAX (64U * 1024 * 1024) // of one ingress, about
#define EVENT_TRIM_MARK_BYTES (1024U * 1024)
#define EVENT_TRIM_MARKS (EVENT_TRIM_BYTES_MAX / EVENT_TRIM_MARK_BYTES)
#define EVENT_TRIM_ENTRY_BYTES 128 // that an entry takes beside its values
#define EVENT_TRIM_WORDS 3         // of XADD

// Plain memory; zero at first.
struct event_trim {
    size_t bytes; // since the newest mark
    size_t first, count;
    char marks[EVENT_TRIM_MARKS][ENTRY_ID_BYTES];
    char cut[ENTRY_ID_BYTES]; // what is older is to go, if `must_cut`
    bool must_cut;
};

// Redis has an entry whose values have so many bytes.
void event_trim_note(struct event_trim *trim, size_t bytes, const char *entry_id);

// The words with which the next XADD cuts the stream; they point into `trim` until the next note.
void event_trim_words(struct event_trim *trim, struct bytes_view words[EVENT_TRIM_WORDS]);

#endif
