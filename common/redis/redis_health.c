// See redis_health.h.
#include "redis_health.h"

#include <stdio.h>
#include <string.h>

static uint64_t mixed(uint64_t hash, struct bytes_view text)
{
    for (size_t i = 0; i < text.len; i++) { // FNV-1a
        hash = (hash ^ (unsigned char)text.data[i]) * 1099511628211U;
    }
    return (hash ^ 0xff) * 1099511628211U;
}

uint64_t redis_health_kind(struct bytes_view first, struct bytes_view second)
{
    uint64_t kind = mixed(mixed(14695981039346656037U, first), second);
    return kind ? kind : 1;
}

static bool is_refusal(const redisReply *reply)
{
    static const char WRONG_TYPE[] = "WRONGTYPE", OTHER_SLOT[] = "CROSSSLOT";
    switch (redis_error_of(reply)) {
    case REDIS_AGAIN:
    case REDIS_ELSEWHERE:
    case REDIS_REFUSED:
        return true;
    case REDIS_WRONG:
        return !strncmp(reply->str, WRONG_TYPE, sizeof WRONG_TYPE - 1) ||
               !strncmp(reply->str, OTHER_SLOT, sizeof OTHER_SLOT - 1);
    case REDIS_FINE:
    case REDIS_NOSCRIPT:
    case REDIS_NOGROUP:
        break;
    }
    return false;
}

// The one of this kind; else, if one is wanted, the one that is longest without a repeat.
static struct redis_refusal *find(struct redis_health *health, uint64_t kind, bool is_wanted)
{
    struct redis_refusal *oldest = &health->refusals[0];
    for (size_t i = 0; i < REDIS_HEALTH_KINDS_MAX; i++) {
        struct redis_refusal *refusal = &health->refusals[i];
        if (refusal->kind == kind) {
            return refusal;
        }
        oldest = refusal->last_ms < oldest->last_ms ? refusal : oldest;
    }
    return is_wanted ? oldest : NULL;
}

bool redis_health_note(struct redis_health *health, uint64_t kind, const redisReply *reply,
                       uint64_t now_ms)
{
    bool refused = is_refusal(reply);
    struct redis_refusal *refusal = find(health, kind, refused);
    if (refused) {
        refusal->kind = kind;
        refusal->last_ms = now_ms;
        snprintf(refusal->error, sizeof refusal->error, "%s", reply->str);
    } else if (refusal) {
        *refusal = (struct redis_refusal){0};
    }
    return refused;
}

const char *redis_health_refusal(const struct redis_health *health, uint64_t now_ms)
{
    const struct redis_refusal *newest = NULL;
    for (size_t i = 0; i < REDIS_HEALTH_KINDS_MAX; i++) {
        const struct redis_refusal *refusal = &health->refusals[i];
        bool stands = refusal->kind && now_ms - refusal->last_ms < REDIS_HEALTH_FORGET_MS;
        newest = stands && (!newest || refusal->last_ms > newest->last_ms) ? refusal : newest;
    }
    return newest ? newest->error : NULL;
}
