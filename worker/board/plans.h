// Replays that were planned and not done yet. A plan is an id that nobody can guess, for one call
// and one operator, for a minute. Plain memory: another board does not know it.
#ifndef DIALIN_BOARD_PLANS_H
#define DIALIN_BOARD_PLANS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLANS_MAX 32 // the oldest gives way
#define PLAN_S 60
#define PLAN_ID_BYTES 33
#define PLAN_TEXT_BYTES 257

struct plan {
    char id[PLAN_ID_BYTES]; // "": free
    char call_id[PLAN_TEXT_BYTES], operator_name[PLAN_TEXT_BYTES];
    size_t prefix; // under which the call is
    uint64_t ends_ms;
};

// Zeroed is right to begin with.
struct plans {
    struct plan plans[PLANS_MAX];
};

// Returns its id, valid until the next call; NULL: a text is too long, or there is no randomness.
const char *plans_add(struct plans *plans, const char *call_id, size_t prefix,
                      const char *operator_name, uint64_t now_ms);

// Takes a plan out, once: copies its call's id and prefix. False: there is no such plan of this
// operator (any more).
bool plans_take(struct plans *plans, const char *id, const char *operator_name, uint64_t now_ms,
                char call_id[PLAN_TEXT_BYTES], size_t *prefix);

#endif
