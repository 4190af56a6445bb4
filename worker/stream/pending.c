// See pending.h. An entry that was resumed before may be one that kills its worker: it is resumed
// alone, while no other entry is at its beginning, and the next one waits until it is past that.
#include "pending.h"

#include <assert.h>
#include <stdio.h>

#define OLDEST "-"

void backlog_restart(struct backlog *backlog)
{
    *backlog = (struct backlog){.list_from = OLDEST, .has_more = true};
}

void backlog_again(struct backlog *backlog)
{
    backlog->is_again = true;
}

bool backlog_is_empty(const struct backlog *backlog)
{
    return !backlog->has_more && !backlog->is_again && backlog->together_count == 0 &&
           backlog->alone_done == backlog->alone_count;
}

void backlog_pass(struct backlog *backlog, const char *entry_id)
{
    snprintf(backlog->list_from, sizeof backlog->list_from, "(%s", entry_id);
}

void backlog_add(struct backlog *backlog, const char *entry_id, bool was_resumed)
{
    backlog_id *list = was_resumed ? backlog->alone : backlog->together;
    size_t *count = was_resumed ? &backlog->alone_count : &backlog->together_count;
    assert(*count < BACKLOG_PAGE_MAX);
    snprintf(list[(*count)++], sizeof *list, "%s", entry_id);
    backlog_pass(backlog, entry_id);
}

enum backlog_step backlog_next(struct backlog *backlog, size_t beginning, const backlog_id **ids,
                               size_t *count)
{
    bool is_lonely = backlog->alone_done < backlog->alone_count || backlog->has_one_alone;
    if (backlog->together_count > 0) {
        *ids = backlog->together;
        *count = backlog->together_count;
        return BACKLOG_RESUME;
    }
    if (is_lonely && beginning > 0) {
        return BACKLOG_WAIT;
    }
    if (backlog->alone_done < backlog->alone_count) {
        *ids = backlog->alone + backlog->alone_done;
        *count = 1;
        return BACKLOG_RESUME;
    }
    backlog->alone_count = backlog->alone_done = 0;
    backlog->has_one_alone = false;
    if (!backlog->has_more && backlog->is_again) {
        backlog_restart(backlog);
    }
    return backlog->has_more ? BACKLOG_LIST : BACKLOG_NOTHING;
}

void backlog_resumed(struct backlog *backlog)
{
    if (backlog->together_count > 0) {
        backlog->together_count = 0;
    } else {
        backlog->alone_done++;
        backlog->has_one_alone = true;
    }
}
