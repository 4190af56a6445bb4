// Asks the index of the record which of a minute's sets may hold a call of a selection.
// The index keeps numbers as they were written (prelude.lua). A whole number is looked up in its
// usual spellings. A prefix, a word such as `anonymous`, and, in a minute that has `?`, an unusual
// spelling are searched for among the minute's members. Pure.
#ifndef DIALIN_FACETS_H
#define DIALIN_FACETS_H

#include "selection.h"

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>

#define FACETS_MAX 16
#define FACETS_SEARCHES_MAX 2 // from and to
#define FACET_BYTES_MAX (WEBHOOK_PARTY_BYTES_MAX + 8)

// A search among the members of a set: by SSCAN with a pattern, whose hits are looked at.
struct facet_search {
    unsigned group;
    const char *kind, *wanted; // borrowed
    bool is_word;              // no number: nothing narrows it
    char narrow[64];           // a pattern for usual spellings; empty: they are facets
    char wide[16];             // the pattern for all numbers of the kind
};

// Members of the index; of those with the same group one is enough.
struct facets {
    size_t count, search_count;
    unsigned groups;
    unsigned group[FACETS_MAX];
    bool is_unusual[FACETS_MAX]; // it is `?`: the group needs its search
    char text[FACETS_MAX][FACET_BYTES_MAX];
    struct facet_search searches[FACETS_SEARCHES_MAX];
};

// No group: the index cannot help with this selection.
void facets_set(struct facets *facets, const struct selection *selection);

// What is known of a minute; a bit for each group.
struct facets_found {
    unsigned met, unusual;
};

// By the answer to SMISMEMBER of all the texts; NULL if there are none.
void facets_look(const struct facets *facets, const redisReply *reply, struct facets_found *found);

// Does the minute have one of each group? With `is_possible`: could it, once all is searched?
bool facets_are_met(const struct facets *facets, const struct facets_found *found);
bool facets_can_be_met(const struct facets *facets, const struct facets_found *found);

// The pattern by which the minute is to be searched; NULL: it is not.
const char *facets_pattern(const struct facet_search *search, const struct facets_found *found);

// Takes an answer to SSCAN (shape FACETS_SCAN). Returns whether a member is what is searched for.
#define FACETS_SCAN "(s[s])"
bool facets_take_scan(const struct facet_search *search, const redisReply *reply,
                      struct facets_found *found);

#endif
