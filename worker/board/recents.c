// See recents.h.
#include "recents.h"

#include "event_text.h"

#include <string.h>

void recents_init(struct recents *recents)
{
    *recents = (struct recents){0};
    for (size_t i = 0; i < EVENTS_NEWEST; i++) {
        bytes_init(&recents->list[i].text, EVENT_TEXT_BYTES_MAX);
    }
}

void recents_release(struct recents *recents)
{
    for (size_t i = 0; i < EVENTS_NEWEST; i++) {
        bytes_release(&recents->list[i].text);
    }
}

void recents_forget(struct recents *recents, const char *prefix)
{
    size_t place = EVENTS_NEWEST; // of the oldest that stays, so far
    for (size_t i = EVENTS_NEWEST; i-- > 0;) {
        const struct recent recent = recents->list[i];
        if (recent.text.len > 0 && recent.prefix != prefix) {
            recents->list[i] = recents->list[--place];
            recents->list[place] = recent;
        } else {
            bytes_clear(&recents->list[i].text);
        }
    }
}

const struct recent *recents_add(struct recents *recents, const redisReply *row, struct entry_id id,
                                 const char *prefix)
{
    struct recent *newest = &recents->list[EVENTS_NEWEST - 1];
    const struct recent oldest = recents->list[0]; // its memory is used again
    memmove(recents->list, recents->list + 1, (EVENTS_NEWEST - 1) * sizeof oldest);
    *newest = oldest;
    newest->id = id;
    newest->prefix = prefix;
    newest->at_ms = entry_id_of(row->element[0]->str).ms;
    bytes_clear(&newest->text);
    event_text_append(row, prefix, &newest->text);
    return newest;
}

const struct recent *recents_insert(struct recents *recents, const redisReply *row,
                                    struct entry_id id, const char *prefix)
{
    const uint64_t at_ms = entry_id_of(row->element[0]->str).ms;
    const struct recent *oldest = &recents->list[0];
    if (oldest->text.len > 0 && oldest->at_ms > at_ms) {
        return NULL;
    }
    size_t place = EVENTS_NEWEST - 1;
    recents_add(recents, row, id, prefix);
    for (; place > 0; place--) {
        const struct recent before = recents->list[place - 1];
        if (before.text.len == 0 || before.at_ms <= at_ms) {
            break;
        }
        recents->list[place - 1] = recents->list[place];
        recents->list[place] = before;
    }
    return &recents->list[place];
}

const struct recent *recents_after(const struct recents *recents, size_t i, struct entry_id after)
{
    const struct recent *recent = &recents->list[i];
    bool is_there = recent->text.len > 0 && entry_id_compare(recent->id, after) > 0;
    return is_there ? recent : NULL;
}

bool recents_reach(const struct recents *recents, struct entry_id after)
{
    const struct recent *oldest = &recents->list[0];
    return oldest->text.len > 0 && entry_id_compare(oldest->id, entry_id_after(after)) <= 0;
}
