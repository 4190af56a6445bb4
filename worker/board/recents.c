// See recents.h.
#include "recents.h"

#include "event_text.h"

void recents_init(struct recents *recents)
{
    *recents = (struct recents){.next = 0};
    for (size_t i = 0; i < EVENTS_NEWEST; i++) {
        bytes_init(&recents->ring[i].text, EVENT_TEXT_BYTES_MAX);
    }
}

void recents_release(struct recents *recents)
{
    for (size_t i = 0; i < EVENTS_NEWEST; i++) {
        bytes_release(&recents->ring[i].text);
    }
}

void recents_clear(struct recents *recents)
{
    for (size_t i = 0; i < EVENTS_NEWEST; i++) {
        bytes_clear(&recents->ring[i].text);
    }
}

const struct recent *recents_add(struct recents *recents, const redisReply *row)
{
    struct recent *recent = &recents->ring[recents->next];
    recent->id = entry_id_of(row->element[0]->str);
    bytes_clear(&recent->text);
    event_text_append(row, &recent->text);
    recents->next = (recents->next + 1) % EVENTS_NEWEST;
    return recent;
}

const struct recent *recents_after(const struct recents *recents, size_t i, struct entry_id after)
{
    const struct recent *recent = &recents->ring[(recents->next + i) % EVENTS_NEWEST];
    bool is_there = recent->text.len > 0 && entry_id_compare(recent->id, after) > 0;
    return is_there ? recent : NULL;
}

unsigned recents_count_after(const struct recents *recents, struct entry_id after)
{
    unsigned count = 0;
    for (size_t i = 0; i < EVENTS_NEWEST; i++) {
        count += recents_after(recents, i, after) ? 1 : 0;
    }
    return count;
}

bool recents_reach(const struct recents *recents, struct entry_id after)
{
    const struct recent *oldest = &recents->ring[recents->next];
    return oldest->text.len > 0 && entry_id_compare(oldest->id, entry_id_after(after)) <= 0;
}
