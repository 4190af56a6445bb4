// Asks the index of the record which of a minute's sets may hold a call of a selection.
// The index keeps numbers as they were written (prelude.lua), so a number is looked up in its usual
// spellings, and as `?`, which stands for all the unusual ones of that minute. Pure.
#ifndef DIALIN_FACETS_H
#define DIALIN_FACETS_H

#include "selection.h"

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>

#define FACETS_MAX 16
#define FACET_BYTES_MAX (WEBHOOK_PARTY_BYTES_MAX + 8)

// Members of the index; of those with the same group one is enough.
struct facets {
    size_t count;
    unsigned groups;
    unsigned group[FACETS_MAX];
    char text[FACETS_MAX][FACET_BYTES_MAX];
};

// None: the index cannot help with this selection.
void facets_set(struct facets *facets, const struct selection *selection);

// Does a minute, by the answer to SMISMEMBER, have one of each group?
bool facets_are_met(const struct facets *facets, const redisReply *reply);

#endif
