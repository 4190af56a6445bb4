// See plans.h.
#include "plans.h"

#include "bytes.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#define RANDOM_BYTES 16

static bool make_id(char id[PLAN_ID_BYTES])
{
    unsigned char random[RANDOM_BYTES];
    if (getrandom(random, sizeof random, 0) != sizeof random) {
        return false;
    }
    for (size_t i = 0; i < sizeof random; i++) {
        snprintf(id + 2 * i, 3, "%02x", random[i]);
    }
    return true;
}

static struct plan *free_place(struct plans *plans, uint64_t now_ms)
{
    struct plan *place = &plans->plans[0];
    for (size_t i = 0; i < PLANS_MAX; i++) {
        struct plan *plan = &plans->plans[i];
        if (!plan->id[0] || plan->ends_ms <= now_ms) {
            return plan;
        }
        place = plan->ends_ms < place->ends_ms ? plan : place;
    }
    return place;
}

const char *plans_add(struct plans *plans, const char *call_id, size_t prefix,
                      const char *operator_name, uint64_t now_ms)
{
    struct plan *plan = free_place(plans, now_ms);
    if (strlen(call_id) >= PLAN_TEXT_BYTES || strlen(operator_name) >= PLAN_TEXT_BYTES) {
        return NULL;
    }
    *plan = (struct plan){.prefix = prefix, .ends_ms = now_ms + PLAN_S * 1000ULL};
    if (!make_id(plan->id)) {
        return NULL;
    }
    view_copy(view_of_text(call_id), plan->call_id, sizeof plan->call_id);
    view_copy(view_of_text(operator_name), plan->operator_name, sizeof plan->operator_name);
    return plan->id;
}

bool plans_take(struct plans *plans, const char *id, const char *operator_name, uint64_t now_ms,
                char call_id[PLAN_TEXT_BYTES], size_t *prefix)
{
    for (size_t i = 0; i < PLANS_MAX; i++) {
        struct plan *plan = &plans->plans[i];
        bool is_it = *id && !strcmp(plan->id, id) && !strcmp(plan->operator_name, operator_name);
        if (is_it && plan->ends_ms > now_ms) {
            view_copy(view_of_text(plan->call_id), call_id, PLAN_TEXT_BYTES);
            *prefix = plan->prefix;
            *plan = (struct plan){.id = ""};
            return true;
        }
    }
    return false;
}
