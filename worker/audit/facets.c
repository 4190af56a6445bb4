// See facets.h. A pattern finds more than is meant, never less: `+1415*` as *1415*. A spelling with
// separators or escapes is `?` to the index, and then all numbers of the minute are looked at.
#include "facets.h"

#include "phone_number.h"
#include "redis_reply.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static void add(struct facets *facets, unsigned group, const char *kind, const char *mark,
                const char *value)
{
    assert(facets->count < FACETS_MAX);
    snprintf(facets->text[facets->count], FACET_BYTES_MAX, "%s:%s%s", kind, mark, value);
    facets->is_unusual[facets->count] = false;
    facets->group[facets->count++] = group;
}

static void add_one(struct facets *facets, const char *kind, const char *value)
{
    if (value) {
        add(facets, facets->groups++, kind, "", value);
    }
}

static struct facet_search *add_search(struct facets *facets, unsigned group, const char *kind,
                                       const char *wanted)
{
    assert(facets->search_count < FACETS_SEARCHES_MAX);
    struct facet_search *search = &facets->searches[facets->search_count++];
    *search = (struct facet_search){.group = group, .kind = kind, .wanted = wanted};
    snprintf(search->wide, sizeof search->wide, "%s:*", kind);
    return search;
}

static void add_number(struct facets *facets, const char *kind, const char *value)
{
    static const char *const MARKS[] = {"+", "", "00"};
    struct phone_pattern pattern;
    if (!value) {
        return;
    }
    unsigned group = facets->groups++;
    struct facet_search *search = add_search(facets, group, kind, value);
    bool is_good = phone_pattern_read(&pattern, view_of_text(value));
    const char *digits = pattern.number.digits;
    search->is_word = !is_good || (pattern.is_prefix && !digits[0]);
    if (search->is_word) {
        return;
    }
    add(facets, group, kind, "", "?");
    facets->is_unusual[facets->count - 1] = true;
    if (pattern.is_prefix) {
        snprintf(search->narrow, sizeof search->narrow, "%s:*%s*", kind, digits);
        return;
    }
    add(facets, group, kind, "", value); // entries of before have no `?`
    for (size_t i = 0; digits[0] && i < sizeof MARKS / sizeof MARKS[0]; i++) {
        add(facets, group, kind, MARKS[i], digits);
    }
}

void facets_set(struct facets *facets, const struct selection *selection)
{
    bool is_indexed = // an unknown call is in no index
        !selection->state || strcmp(selection->state, recorded_state_name(RECORDED_UNKNOWN)) != 0;
    facets->count = facets->search_count = facets->groups = 0;
    add_one(facets, "state", is_indexed ? selection->state : NULL);
    add_one(facets, "reason", selection->reason);
    add_one(facets, "agent", selection->agent);
    add_one(facets, "route", selection->route);
    add_number(facets, "from", selection->from);
    add_number(facets, "to", selection->to);
}

void facets_look(const struct facets *facets, const redisReply *reply, struct facets_found *found)
{
    *found = (struct facets_found){0, 0};
    for (size_t i = 0; reply_is_list_of(reply, facets->count) && i < facets->count; i++) {
        int64_t is_member = 0;
        if (reply_integer(reply->element[i], 0, 1, &is_member) && is_member == 1) {
            *(facets->is_unusual[i] ? &found->unusual : &found->met) |= 1U << facets->group[i];
        }
    }
}

bool facets_are_met(const struct facets *facets, const struct facets_found *found)
{
    return found->met == (1U << facets->groups) - 1;
}

bool facets_can_be_met(const struct facets *facets, const struct facets_found *found)
{
    struct facets_found best = *found;
    for (size_t i = 0; i < facets->search_count; i++) {
        bool can_be = facets_pattern(&facets->searches[i], found) != NULL;
        best.met |= (can_be ? 1U : 0U) << facets->searches[i].group;
    }
    return facets_are_met(facets, &best);
}

const char *facets_pattern(const struct facet_search *search, const struct facets_found *found)
{
    const unsigned bit = 1U << search->group;
    if (found->met & bit) {
        return NULL;
    }
    return search->is_word || (found->unusual & bit) ? search->wide
           : search->narrow[0]                       ? search->narrow
                                                     : NULL;
}

bool facets_take_scan(const struct facet_search *search, const redisReply *reply,
                      struct facets_found *found)
{
    const redisReply *members = reply_at(reply, 1, REDIS_REPLY_ARRAY);
    const size_t kind = strlen(search->kind) + 1; // and its colon
    for (size_t i = 0; i < reply_count(members); i++) {
        const struct bytes_view member = reply_view_at(members, i);
        if (member.len >= kind && selection_is_number(search->wanted, member.data + kind)) {
            found->met |= 1U << search->group;
            return true;
        }
    }
    return false;
}
