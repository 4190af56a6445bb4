// See daily_numbers.h. The list comes in pages, the newest first. Numbers that were configured
// before Daily had the list stand in the domain's own configuration.
#include "daily_numbers.h"

#include "memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIST_PATH "/domain-dialin-config"
#define OF_OURS "pinless_dialin"
#define ID_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"

const char *daily_number_text(const struct daily_number *number, const char *name)
{
    const char *text = json_text(number->config, name);
    return text ? text : "";
}

void daily_number_name(const struct daily_number *number, char name[DAILY_NAME_BYTES])
{
    const char *phone = daily_number_text(number, "phone_number");
    const char *sip = daily_number_text(number, "sip_uri");
    const char *scheme = sip[0] && strncmp(sip, "sip:", 4) != 0 ? "sip:" : "";
    struct phone_number read;
    if (phone[0] && phone_number_read(&read, view_of_text(phone)) && !read.is_address &&
        read.digits[0]) {
        snprintf(name, DAILY_NAME_BYTES, "+%s", read.digits); // however Daily spells it
        return;
    }
    snprintf(name, DAILY_NAME_BYTES, "%s%s%.*s", phone[0] && phone[0] != '+' ? "+" : "",
             phone[0] ? "" : scheme, PHONE_ADDRESS_BYTES_MAX, phone[0] ? phone : sip);
}

struct daily_number *daily_numbers_find(const struct daily_numbers *numbers, const char *wanted)
{
    struct phone_number searched, here;
    char name[DAILY_NAME_BYTES];
    if (!phone_number_read(&searched, view_of_text(wanted))) {
        return NULL;
    }
    for (size_t i = 0; i < numbers->count; i++) {
        daily_number_name(&numbers->list[i], name);
        if (phone_number_read(&here, view_of_text(name)) && phone_number_equal(&here, &searched)) {
            return &numbers->list[i];
        }
    }
    return NULL;
}

void daily_numbers_release(struct daily_numbers *numbers)
{
    for (size_t i = 0; i < numbers->count; i++) {
        cJSON_Delete(numbers->list[i].config);
    }
    free(numbers->list);
    *numbers = (struct daily_numbers){0};
}

// --- reading ------------------------------------------------------------------------------------

// `config` is taken over. Returns false if there are too many.
static bool add(struct daily_numbers *numbers, const char *id, cJSON *config)
{
    if (numbers->count == DAILY_NUMBERS_MAX) {
        cJSON_Delete(config);
        return false;
    }
    numbers->list = memory_resized(numbers->list, (numbers->count + 1) * sizeof *numbers->list);
    struct daily_number *number = &numbers->list[numbers->count++];
    snprintf(number->id, sizeof number->id, "%s", id);
    number->config = config;
    return true;
}

static bool is_id(const char *id)
{
    size_t len = id ? strlen(id) : 0;
    return len > 0 && len <= DAILY_ID_BYTES_MAX && strspn(id, ID_CHARACTERS) == len;
}

// Returns how many entries the page has, 0 after the last; -1 if it fails. `last` becomes the id of
// its last entry.
static int read_page(struct daily_numbers *numbers, struct daily_api *api, int limit,
                     char last[DAILY_ID_BYTES_MAX + 1], bool *is_understood)
{
    char path[DAILY_API_PATH_BYTES];
    snprintf(path, sizeof path, LIST_PATH "?limit=%d%s%s", limit, last[0] ? "&starting_after=" : "",
             last);
    cJSON *page = daily_api_ask(api, "GET", path, NULL);
    const cJSON *data = cJSON_GetObjectItemCaseSensitive(page, "data");
    if (!page || !cJSON_IsArray(data)) {
        *is_understood = !page;
        cJSON_Delete(page);
        return -1;
    }
    int count = cJSON_GetArraySize(data);
    for (cJSON *entry = data->child; entry && *is_understood; entry = entry->next) {
        const char *id = json_text(entry, "id"), *type = json_text(entry, "type");
        const cJSON *config = cJSON_GetObjectItemCaseSensitive(entry, "config");
        *is_understood = is_id(id) && strcmp(id, last) != 0;
        if (*is_understood && type && !strcmp(type, OF_OURS) && cJSON_IsObject(config)) {
            *is_understood = add(numbers, id, cJSON_Duplicate(config, true));
        }
        snprintf(last, DAILY_ID_BYTES_MAX + 1, "%s", *is_understood ? id : "");
    }
    cJSON_Delete(page);
    return *is_understood ? count : -1;
}

static bool read_list(struct daily_numbers *numbers, struct daily_api *api, bool *is_understood)
{
    char last[DAILY_ID_BYTES_MAX + 1] = "";
    int count = DAILY_PAGE, limit = DAILY_PAGE;
    for (size_t pages = 0; count > 0 && pages <= DAILY_NUMBERS_MAX; pages++) {
        count = read_page(numbers, api, limit, last, is_understood);
        if (count < 0 && daily_api_was_cut(api) && limit > 1) {
            limit /= 2; // of long entries fewer fit into an answer
            count = limit;
        }
    }
    return count == 0;
}

// Asks for the members that the list leaves out.
static bool complete(struct daily_number *number, struct daily_api *api)
{
    char path[DAILY_API_PATH_BYTES];
    if (daily_number_text(number, "hmac")[0] && daily_number_text(number, "room_creation_api")[0]) {
        return true;
    }
    snprintf(path, sizeof path, LIST_PATH "/%s", number->id);
    cJSON *entry = daily_api_ask(api, "GET", path, NULL);
    cJSON *config = cJSON_DetachItemFromObjectCaseSensitive(entry, "config");
    bool is_good = cJSON_IsObject(config);
    if (is_good) {
        cJSON_Delete(number->config);
        number->config = config;
    } else {
        cJSON_Delete(config);
    }
    cJSON_Delete(entry);
    return is_good || (!entry && daily_api_status(api) == 404); // it was removed meanwhile
}

static bool read_older(struct daily_numbers *numbers, struct daily_api *api)
{
    cJSON *domain = daily_api_ask(api, "GET", "/", NULL);
    const cJSON *config = cJSON_GetObjectItemCaseSensitive(domain, "config");
    const cJSON *older = cJSON_GetObjectItemCaseSensitive(config, OF_OURS);
    bool is_good = domain != NULL;
    for (const cJSON *entry = cJSON_IsArray(older) ? older->child : NULL; entry && is_good;
         entry = entry->next) {
        struct daily_number number = {.config = cJSON_Duplicate(entry, true)};
        char name[DAILY_NAME_BYTES];
        daily_number_name(&number, name);
        if (name[0] && !daily_numbers_find(numbers, name)) {
            is_good = add(numbers, "", number.config);
        } else {
            cJSON_Delete(number.config);
        }
    }
    cJSON_Delete(domain);
    return is_good;
}

bool daily_numbers_read(struct daily_numbers *numbers, struct daily_api *api)
{
    bool is_understood = true;
    *numbers = (struct daily_numbers){0};
    bool is_good = read_list(numbers, api, &is_understood);
    for (size_t i = 0; is_good && i < numbers->count; i++) {
        is_good = complete(&numbers->list[i], api);
    }
    is_good = is_good && read_older(numbers, api);
    if (!is_good) {
        daily_numbers_release(numbers);
        daily_api_note(api, "sends a list of numbers that is not understood, or too long");
    }
    return is_good;
}
