// See daily_change.h.
#include "daily_change.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define LIST_PATH "/domain-dialin-config"
#define SECRET "hmac"
#define EXACT_MAX 9007199254740991.0 // 2^53 - 1
#define URL "room_creation_api"

static bool has_secret(const cJSON *config)
{
    const char *secret = json_text(config, SECRET);
    return secret && secret[0];
}

static void set_text(cJSON *object, const char *name, const char *text)
{
    cJSON_DeleteItemFromObjectCaseSensitive(object, name);
    cJSON_AddStringToObject(object, name, text);
}

static void drop_nulls(cJSON *object)
{
    cJSON *next = NULL;
    for (cJSON *member = object->child; member; member = next) {
        next = member->next;
        if (cJSON_IsNull(member)) {
            cJSON_Delete(cJSON_DetachItemViaPointer(object, member));
        }
    }
}

cJSON *daily_change_body(const cJSON *config, const char *url)
{
    if (!has_secret(config)) {
        return NULL;
    }
    cJSON *body = cJSON_Duplicate(config, true);
    drop_nulls(body);
    set_text(body, URL, url);
    return body;
}

// JSON's numbers are read as doubles: beyond this, and the infinite, they come out as others.
static bool is_exact(const cJSON *value)
{
    bool is_good = !cJSON_IsNumber(value) || fabs(value->valuedouble) <= EXACT_MAX;
    for (const cJSON *member = value->child; member && is_good; member = member->next) {
        is_good = is_exact(member);
    }
    return is_good;
}

static const cJSON *find_inexact(const cJSON *config)
{
    const cJSON *member = config->child;
    while (member && is_exact(member)) {
        member = member->next;
    }
    return member;
}

// Was the request carried out? A 4xx and a redirect say that it was not; everything else without an
// answer that is understood, that it may have been.
static enum daily_change_result result_of_failure(const struct daily_api *api)
{
    unsigned status = daily_api_status(api);
    return status >= 300 && status < 500 ? DAILY_FAILED : DAILY_UNKNOWN;
}

// As Daily has it now; NULL if the question failed.
static cJSON *read_config(struct daily_api *api, const char *path)
{
    cJSON *entry = daily_api_ask(api, "GET", path, NULL);
    cJSON *config = cJSON_DetachItemFromObjectCaseSensitive(entry, "config");
    cJSON_Delete(entry);
    if (!config) {
        daily_api_note(api, "sends a configuration that is not understood");
    }
    return config;
}

static enum daily_change_result compare(const cJSON *sent, const cJSON *now,
                                        char differs[DAILY_MEMBER_BYTES])
{
    const cJSON *secret = cJSON_GetObjectItemCaseSensitive(now, SECRET);
    if (!cJSON_Compare(secret, cJSON_GetObjectItemCaseSensitive(sent, SECRET), true)) {
        return DAILY_NEW_SECRET;
    }
    for (const cJSON *member = sent->child; member; member = member->next) {
        if (!cJSON_Compare(member, cJSON_GetObjectItemCaseSensitive(now, member->string), true)) {
            snprintf(differs, DAILY_MEMBER_BYTES, "%s", member->string);
            return DAILY_DIFFERS;
        }
    }
    return DAILY_CHANGED;
}

static enum daily_change_result put(struct daily_api *api, const char *path, const cJSON *body,
                                    char differs[DAILY_MEMBER_BYTES])
{
    cJSON *answer = daily_api_ask(api, "PUT", path, body);
    if (!answer) {
        return result_of_failure(api);
    }
    cJSON_Delete(answer);
    cJSON *now = read_config(api, path);
    enum daily_change_result result = now ? compare(body, now, differs) : DAILY_UNKNOWN;
    cJSON_Delete(now);
    return result;
}

enum daily_change_result daily_change(struct daily_api *api, const struct daily_number *number,
                                      const char *url, char differs[DAILY_MEMBER_BYTES])
{
    char path[DAILY_API_PATH_BYTES];
    snprintf(path, sizeof path, LIST_PATH "/%s", number->id);
    cJSON *config = read_config(api, path); // as it is now, not as it was in the list
    if (!config) {
        return DAILY_FAILED;
    }
    cJSON *body = daily_change_body(config, url);
    const cJSON *inexact = find_inexact(config);
    if (inexact) {
        snprintf(differs, DAILY_MEMBER_BYTES, "%s", inexact->string);
    }
    enum daily_change_result result = !body     ? DAILY_NO_SECRET
                                      : inexact ? DAILY_NO_NUMBER
                                                : put(api, path, body, differs);
    cJSON_Delete(body);
    cJSON_Delete(config);
    return result;
}

enum daily_change_result daily_configure(struct daily_api *api, const char *phone_number,
                                         const char *url)
{
    cJSON *body = cJSON_CreateObject();
    set_text(body, "type", "pinless_dialin");
    set_text(body, "phone_number", phone_number);
    set_text(body, URL, url);
    cJSON *answer = daily_api_ask(api, "POST", LIST_PATH, body);
    enum daily_change_result result = answer ? DAILY_CHANGED : result_of_failure(api);
    cJSON_Delete(answer);
    cJSON_Delete(body);
    return result;
}
