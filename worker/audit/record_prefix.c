// See record_prefix.h.
#include "record_prefix.h"

#include "interrupt.h"

#include <string.h>

#define ELLIPSIS "\xe2\x80\xa6"

static void add(struct record_prefix *found, const char *name)
{
    for (size_t i = 0; i < found->count; i++) {
        if (!strcmp(found->names[i], name)) {
            return; // a duplicate's entry
        }
    }
    memcpy(found->names[found->count++], name, RECORDED_CALL_NAME_BYTES);
}

static bool is_full(const struct record_prefix *found)
{
    return found->count == RECORD_PREFIX_NAMES_MAX;
}

static size_t prefix_len(const char *text)
{
    size_t len = strlen(text), cut = sizeof ELLIPSIS - 1;
    return len > cut && !strcmp(text + len - cut, ELLIPSIS) ? len - cut : len;
}

static void look_at(const redisReply *rows, const char *text, size_t len,
                    struct record_prefix *found)
{
    char name[RECORDED_CALL_NAME_BYTES];
    for (size_t i = 0; i < rows->elements && !is_full(found); i++) {
        recorded_call_name(rows->element[i], name);
        if (!strncmp(name, text, len)) {
            add(found, name);
        }
    }
}

bool record_prefix_find(struct database *database, const char *text, struct record_prefix *found)
{
    const struct entry_id from = {0, 0};
    struct entry_id to = {UINT64_MAX, UINT64_MAX};
    const size_t len = prefix_len(text);
    size_t seen = 0;
    *found = (struct record_prefix){.is_whole = true};
    for (bool has_more = len >= RECORD_PREFIX_BYTES_MIN; has_more && !is_full(found);) {
        redisReply *rows = database_page(database, REDIS_KEY_WEBHOOKS, from, to, NEWEST_FIRST);
        if (!reply_is_list(rows) || interrupt_came()) {
            freeReplyObject(rows);
            return false;
        }
        look_at(rows, text, len, found);
        seen += rows->elements;
        has_more = rows->elements == DATABASE_PAGE;
        if (has_more) {
            to = entry_id_before(entry_id_of(rows->element[DATABASE_PAGE - 1]->element[0]->str));
        }
        found->is_whole = !has_more || seen < RECORD_PREFIX_ENTRIES_MAX;
        has_more = has_more && found->is_whole;
        freeReplyObject(rows);
    }
    return true;
}
