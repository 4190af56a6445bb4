// Which routes may take a call, found by its numbers and headers instead of one by one. Every route
// that takes the call is among the candidates; that a candidate takes it is still to be asked
// (route_match.h). Plain data; it lies in the arena of its file.
#ifndef DIALIN_ROUTE_INDEX_H
#define DIALIN_ROUTE_INDEX_H

#include "route_rule.h"

#define ROUTE_INDEX_RUNS_MAX 64 // a call whose keys find more of them has all routes as candidates

struct route_subject;

struct route_index_entry {
    uint64_t key;
    uint32_t rule;
};

struct route_index {
    size_t rule_count;
    struct route_index_entry *entries; // by key, then in the order of the routes
    size_t count;
    uint32_t to_lengths, from_lengths; // of the prefixes among them: bit n is n digits
    bool has_headers;
    uint32_t *others; // routes that no key finds, in their order
    size_t other_count;
};

// `rules` stay where they are.
void route_index_make(struct route_index *index, struct route_arena *arena,
                      const struct route_rule *rules, size_t count);

// The candidates for one call, in the order of the routes, each once.
struct route_candidates {
    size_t next, end; // without the index: all of them
    struct {
        const struct route_index_entry *next, *end;
    } runs[ROUTE_INDEX_RUNS_MAX];
    size_t run_count;
    const uint32_t *next_other, *end_other;
};
void route_candidates_begin(struct route_candidates *candidates, const struct route_index *index,
                            const struct route_subject *subject);
bool route_candidates_next(struct route_candidates *candidates, size_t *rule);

#endif
