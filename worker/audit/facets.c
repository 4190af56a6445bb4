// See facets.h. A prefix, and a word such as `anonymous`, which has no one spelling either, are not
// looked up: all minutes are read.
#include "facets.h"

#include "phone_number.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static void add(struct facets *facets, unsigned group, const char *kind, const char *mark,
                const char *value)
{
    assert(facets->count < FACETS_MAX);
    snprintf(facets->text[facets->count], FACET_BYTES_MAX, "%s:%s%s", kind, mark, value);
    facets->group[facets->count++] = group;
}

static void add_one(struct facets *facets, const char *kind, const char *value)
{
    if (value) {
        add(facets, facets->groups++, kind, "", value);
    }
}

static void add_number(struct facets *facets, const char *kind, const char *value)
{
    struct phone_pattern pattern;
    if (!value || !phone_pattern_read(&pattern, view_of_text(value)) || pattern.is_prefix) {
        return;
    }
    unsigned group = facets->groups++;
    add(facets, group, kind, "", "?");
    add(facets, group, kind, "", value); // entries of before have no `?`
    if (pattern.number.digits[0]) {
        static const char *const MARKS[] = {"+", "", "00"};
        for (size_t i = 0; i < sizeof MARKS / sizeof MARKS[0]; i++) {
            add(facets, group, kind, MARKS[i], pattern.number.digits);
        }
    }
}

void facets_set(struct facets *facets, const struct selection *selection)
{
    bool is_indexed = // an unknown call is in no index
        !selection->state || strcmp(selection->state, recorded_state_name(RECORDED_UNKNOWN)) != 0;
    facets->count = facets->groups = 0;
    add_one(facets, "state", is_indexed ? selection->state : NULL);
    add_one(facets, "reason", selection->reason);
    add_one(facets, "agent", selection->agent);
    add_one(facets, "route", selection->route);
    add_number(facets, "from", selection->from);
    add_number(facets, "to", selection->to);
}

bool facets_are_met(const struct facets *facets, const redisReply *reply)
{
    unsigned met = 0;
    if (!reply || reply->type != REDIS_REPLY_ARRAY || reply->elements != facets->count) {
        return false;
    }
    for (size_t i = 0; i < reply->elements; i++) {
        met |= (reply->element[i]->integer == 1 ? 1U : 0U) << facets->group[i];
    }
    return met == (1U << facets->groups) - 1;
}
