// What is now under all prefixes, as one JSON object: a snapshot of each, their rows together, and
// one sentence.
#ifndef DIALIN_BOARD_OVERVIEW_H
#define DIALIN_BOARD_OVERVIEW_H

#include "json.h"
#include "points.h"
#include "snapshot.h"

#define OVERVIEW_AGENTS_MAX 200 // rows that are shown, of all prefixes together
#define OVERVIEW_PROGRAMS_MAX 60

// Of one prefix. `tree` is the snapshot as JSON, its numbers hidden, and is the part's own; it has
// `redis_problem` if nothing is known, and then `is_known` is false.
struct overview_part {
    cJSON *tree;
    bool is_known;
    struct snapshot_summary summary;
    struct point point;
};

// Returns a tree that the caller deletes. `prefixes` and `parts` have `count` members; the trees of
// the parts are used up: they lose their rows. `point` gets the sums, if all parts are known;
// returns that in `is_known`.
cJSON *overview_of(struct overview_part *parts, const char *const *prefixes, size_t count,
                   struct point *point, bool *is_known);

#endif
