// See pending.h. An entry that was resumed before may be one that kills its worker: it is resumed
// alone, while no other entry is at its beginning, and the next one waits until it is past that.
#include "pending.h"

#include <assert.h>
#include <stdio.h>

#define OLDEST "-"

void pending_restart(struct pending *pending)
{
    *pending = (struct pending){.list_from = OLDEST, .has_more = true};
}

void pending_again(struct pending *pending)
{
    pending->is_again = true;
}

bool pending_is_empty(const struct pending *pending)
{
    return !pending->has_more && !pending->is_again && pending->together_count == 0 &&
           pending->alone_done == pending->alone_count;
}

void pending_pass(struct pending *pending, const char *entry_id)
{
    snprintf(pending->list_from, sizeof pending->list_from, "(%s", entry_id);
}

void pending_add(struct pending *pending, const char *entry_id, bool was_resumed)
{
    pending_id *list = was_resumed ? pending->alone : pending->together;
    size_t *count = was_resumed ? &pending->alone_count : &pending->together_count;
    assert(*count < PENDING_PAGE_MAX);
    snprintf(list[(*count)++], sizeof *list, "%s", entry_id);
    pending_pass(pending, entry_id);
}

enum pending_step pending_next(struct pending *pending, size_t beginning, const pending_id **ids,
                               size_t *count)
{
    bool is_lonely = pending->alone_done < pending->alone_count || pending->has_one_alone;
    if (pending->together_count > 0) {
        *ids = pending->together;
        *count = pending->together_count;
        return PENDING_RESUME;
    }
    if (is_lonely && beginning > 0) {
        return PENDING_WAIT;
    }
    if (pending->alone_done < pending->alone_count) {
        *ids = pending->alone + pending->alone_done;
        *count = 1;
        return PENDING_RESUME;
    }
    pending->alone_count = pending->alone_done = 0;
    pending->has_one_alone = false;
    if (!pending->has_more && pending->is_again) {
        pending_restart(pending);
    }
    return pending->has_more ? PENDING_LIST : PENDING_NOTHING;
}

void pending_resumed(struct pending *pending)
{
    if (pending->together_count > 0) {
        pending->together_count = 0;
    } else {
        pending->alone_done++;
        pending->has_one_alone = true;
    }
}
