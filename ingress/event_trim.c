// See event_trim.h. The marks are a ring.
#include "event_trim.h"

#include <string.h>

#define TEXT_OF(number) #number
#define TEXT(macro) TEXT_OF(macro)

// Ids go up, unless the stream was lost and Redis' clock was set back: then the marks are later
// than all there is, and would cut it.
static bool is_of_another_stream(const struct event_trim *trim, const char *entry_id)
{
    const size_t newest = (trim->first + trim->count - 1) % EVENT_TRIM_MARKS;
    return trim->count > 0 &&
           entry_id_compare(entry_id_of(entry_id), entry_id_of(trim->marks[newest])) < 0;
}

// What was remembered longest ago is what is cut next.
static void mark(struct event_trim *trim, const char *entry_id)
{
    char *place = trim->marks[(trim->first + trim->count) % EVENT_TRIM_MARKS];
    if (trim->count == EVENT_TRIM_MARKS) {
        memcpy(trim->cut, place, sizeof trim->cut);
        trim->must_cut = true;
        trim->first = (trim->first + 1) % EVENT_TRIM_MARKS;
    } else {
        trim->count++;
    }
    view_copy(view_of_text(entry_id), place, ENTRY_ID_BYTES);
    trim->bytes = 0;
}

void event_trim_note(struct event_trim *trim, size_t bytes, const char *entry_id)
{
    if (is_of_another_stream(trim, entry_id)) {
        *trim = (struct event_trim){0};
    }
    trim->bytes += bytes + EVENT_TRIM_ENTRY_BYTES;
    if (trim->bytes >= EVENT_TRIM_MARK_BYTES) {
        mark(trim, entry_id);
    }
}

void event_trim_words(struct event_trim *trim, struct bytes_view words[EVENT_TRIM_WORDS])
{
    words[0] = trim->must_cut ? VIEW("MINID") : VIEW("MAXLEN");
    words[1] = VIEW("~");
    words[2] = trim->must_cut ? view_of_text(trim->cut) : VIEW(TEXT(EVENT_TRIM_ENTRIES_MAX));
    trim->must_cut = false;
}
