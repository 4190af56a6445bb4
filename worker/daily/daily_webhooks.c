// See daily_webhooks.h.
#include "daily_webhooks.h"

#include <string.h>

#define UUID_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"

static const char *text_of(const cJSON *entry, const char *name)
{
    const char *text = json_text(entry, name);
    return text ? text : "";
}

static enum daily_webhook_state state_of(const cJSON *state)
{
    static const struct {
        const char *text;
        int number; // as older pages have it
        enum daily_webhook_state state;
    } STATES[] = {
        {"FAILED", 0, DAILY_WEBHOOK_FAILED},
        {"ACTIVE", 1, DAILY_WEBHOOK_ACTIVE},
        {"STOPPED", 2, DAILY_WEBHOOK_STOPPED},
    };
    for (size_t i = 0; i < sizeof STATES / sizeof STATES[0]; i++) {
        if (cJSON_IsString(state) ? !strcmp(state->valuestring, STATES[i].text)
                                  : cJSON_IsNumber(state) && state->valueint == STATES[i].number) {
            return STATES[i].state;
        }
    }
    return DAILY_WEBHOOK_UNKNOWN;
}

// It goes into a command that people copy.
static bool is_uuid(const char *uuid)
{
    return uuid[0] && strspn(uuid, UUID_CHARACTERS) == strlen(uuid);
}

bool daily_webhooks_read(struct daily_webhooks *webhooks, struct daily_api *api)
{
    memset(webhooks, 0, sizeof *webhooks);
    webhooks->answer = daily_api_ask(api, "GET", "/webhooks", NULL);
    const cJSON *data = cJSON_GetObjectItemCaseSensitive(webhooks->answer, DAILY_API_LIST);
    bool is_good = cJSON_IsArray(data);
    for (const cJSON *entry = is_good ? data->child : NULL;
         entry && is_good && webhooks->count < DAILY_WEBHOOKS_MAX; entry = entry->next) {
        const cJSON *state = cJSON_GetObjectItemCaseSensitive(entry, "state");
        webhooks->list[webhooks->count++] = (struct daily_webhook){
            .uuid = text_of(entry, "uuid"),
            .url = text_of(entry, "url"),
            .hmac = text_of(entry, "hmac"),
            .retry_type = text_of(entry, "retryType"),
            .last_moment_pushed = text_of(entry, "lastMomentPushed"),
            .state_text = text_of(entry, "state"),
            .state = state_of(state),
            .failed_count = json_count(entry, "failedCount"),
            .event_types = cJSON_GetObjectItemCaseSensitive(entry, "eventTypes"),
        };
        is_good = is_uuid(text_of(entry, "uuid"));
    }
    if (!is_good) {
        daily_webhooks_release(webhooks);
        daily_api_note(api, "sends a list of webhooks that is not understood");
    }
    return is_good;
}

void daily_webhooks_release(struct daily_webhooks *webhooks)
{
    cJSON_Delete(webhooks->answer);
    webhooks->answer = NULL;
    webhooks->count = 0;
}

bool daily_webhook_has_type(const struct daily_webhook *webhook, const char *type)
{
    const cJSON *item = cJSON_IsArray(webhook->event_types) ? webhook->event_types->child : NULL;
    while (item && (!cJSON_IsString(item) || strcmp(item->valuestring, type) != 0)) {
        item = item->next;
    }
    return item != NULL;
}
