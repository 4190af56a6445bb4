// See redis_info.h.
#include "redis_info.h"

#include "log.h"
#include "redis.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

// The value of `name:` in the text of INFO, as a number; -1 if it is absent.
static long info_number(const char *info, const char *name)
{
    const char *found = strstr(info, name);
    return found ? strtol(found + strlen(name), NULL, 10) : -1;
}

const char *redis_info_problem(const char *info, bool may_be_replica)
{
    static_assert(REDIS_VERSION_MIN == 7, "the sentence below names the version");
    if (info_number(info, "\nredis_version:") < REDIS_VERSION_MIN) {
        return "REDIS_URL: this Redis is older than 7.0; use Redis 7.0 or newer, or Valkey";
    }
    if (info_number(info, "\nloading:") == 1) {
        return "Redis is still loading its data";
    }
    if (!may_be_replica && strstr(info, "\nrole:slave")) {
        return "REDIS_URL names a read-only replica; name the master";
    }
    return NULL;
}

bool redis_info_has_file(const char *info)
{
    return info_number(info, "\naof_enabled:") != 0;
}

const char *redis_info_eviction(const char *info)
{
    static const char RIGHT[] = "\nmaxmemory_policy:noeviction";
    const char *policy = strstr(info, "\nmaxmemory_policy:");
    return policy && strncmp(policy, RIGHT, sizeof RIGHT - 1) != 0
               ? "Redis may evict calls when its memory is full: set maxmemory-policy noeviction"
               : NULL;
}

const char *redis_info_no_file(const char *info)
{
    return redis_info_has_file(info)
               ? NULL
               : "Redis keeps no append-only file; a restart loses calls: set appendonly yes and "
                 "appendfsync always";
}

const char *redis_info_fsync(const redisReply *reply)
{
    bool is_known = reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 &&
                    reply->element[1]->type == REDIS_REPLY_STRING;
    return is_known && strcmp(reply->element[1]->str, "always") != 0
               ? "Redis acknowledges writes before they are on disk; a power cut loses calls: set "
                 "appendfsync always"
               : NULL;
}

void redis_info_warn(const char *info, const char *connection)
{
    const char *const warnings[] = {redis_info_eviction(info), redis_info_no_file(info)};
    for (size_t i = 0; i < sizeof warnings / sizeof warnings[0]; i++) {
        if (warnings[i]) {
            log_warning(warnings[i], log_text("connection", connection));
        }
    }
}

void redis_info_warn_of_fsync(const redisReply *reply, const char *connection)
{
    const char *warning = redis_info_fsync(reply);
    if (warning) {
        log_warning(warning, log_text("connection", connection),
                    log_text("appendfsync", reply->element[1]->str));
    }
}
