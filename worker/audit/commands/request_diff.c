// See request_diff.h. Equal bytes are the common case, and are compared as such; only texts that
// differ are parsed. Recorded requests may be nested deeper than json_parse() takes webhooks, so
// cJSON reads them alone: they are our own writing.
#include "request_diff.h"

#include "json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REDACTED "[redacted]"
#define WHOLE "(request)"

struct comparison {
    char path[REQUEST_DIFF_PATH_BYTES_MAX];
    request_diff_on_found *on_found;
    void *arg;
    uint64_t count;
};

uint64_t request_diff_expiry(struct bytes_view recorded)
{
    static const char NAME[] = "\"exp\":";
    const char *at =
        recorded.len > 0 ? memmem(recorded.data, recorded.len, NAME, sizeof NAME - 1) : NULL;
    uint64_t expiry = 0;
    if (at) {
        const char *end = recorded.data + recorded.len;
        for (at += sizeof NAME - 1; at < end && *at >= '0' && *at <= '9'; at++) {
            expiry = expiry * 10 + (uint64_t)(*at - '0');
        }
    }
    return expiry;
}

static void found(struct comparison *comparison, const cJSON *recorded, const cJSON *now)
{
    char *was = recorded ? cJSON_PrintUnformatted(recorded) : NULL;
    char *is = now ? cJSON_PrintUnformatted(now) : NULL;
    comparison->count++;
    comparison->on_found(comparison->path[0] ? comparison->path : WHOLE,
                         was ? was : REQUEST_DIFF_ABSENT, is ? is : REQUEST_DIFF_ABSENT,
                         comparison->arg);
    cJSON_free(was);
    cJSON_free(is);
}

static void compare(struct comparison *comparison, const cJSON *recorded, const cJSON *now,
                    unsigned depth);

// Compares two members under a longer path.
static void compare_at(struct comparison *comparison, const char *name, size_t index,
                       const cJSON *recorded, const cJSON *now, unsigned depth)
{
    size_t len = strlen(comparison->path);
    char *end = comparison->path + len;
    if (name) {
        snprintf(end, sizeof comparison->path - len, "%s%s", len > 0 ? "." : "", name);
    } else {
        snprintf(end, sizeof comparison->path - len, "[%zu]", index);
    }
    compare(comparison, recorded, now, depth + 1);
    *end = '\0';
}

static void compare_objects(struct comparison *comparison, const cJSON *recorded, const cJSON *now,
                            unsigned depth)
{
    const cJSON *member = NULL;
    cJSON_ArrayForEach(member, recorded)
    {
        compare_at(comparison, member->string, 0, member,
                   cJSON_GetObjectItemCaseSensitive(now, member->string), depth);
    }
    cJSON_ArrayForEach(member, now)
    {
        if (!cJSON_GetObjectItemCaseSensitive(recorded, member->string)) {
            compare_at(comparison, member->string, 0, NULL, member, depth);
        }
    }
}

static void compare_arrays(struct comparison *comparison, const cJSON *recorded, const cJSON *now,
                           unsigned depth)
{
    const cJSON *was = recorded->child, *is = now->child;
    for (size_t index = 0; was || is; index++) {
        compare_at(comparison, NULL, index, was, is, depth);
        was = was ? was->next : NULL;
        is = is ? is->next : NULL;
    }
}

static void compare(struct comparison *comparison, const cJSON *recorded, const cJSON *now,
                    unsigned depth)
{
    if (!recorded || !now || depth > REQUEST_DIFF_DEPTH_MAX) {
        if (recorded != now) {
            found(comparison, recorded, now);
        }
    } else if (cJSON_IsObject(recorded) && cJSON_IsObject(now)) {
        compare_objects(comparison, recorded, now, depth);
    } else if (cJSON_IsArray(recorded) && cJSON_IsArray(now)) {
        compare_arrays(comparison, recorded, now, depth);
    } else {
        bool is_secret = cJSON_IsString(recorded) && cJSON_IsString(now) &&
                         !strcmp(recorded->valuestring, REDACTED);
        if (!is_secret && !cJSON_Compare(recorded, now, true)) {
            found(comparison, recorded, now);
        }
    }
}

uint64_t request_diff_find(struct bytes_view recorded, struct bytes_view now,
                           request_diff_on_found *on_found, void *arg)
{
    struct comparison comparison = {.on_found = on_found, .arg = arg};
    if (view_equal(recorded, now)) {
        return 0;
    }
    cJSON *was = cJSON_ParseWithLength(recorded.data, recorded.len);
    cJSON *is = cJSON_ParseWithLength(now.data, now.len);
    if (was && is) {
        compare(&comparison, was, is, 0);
    } else {
        found(&comparison, was, is);
    }
    cJSON_Delete(was);
    cJSON_Delete(is);
    return comparison.count;
}
