// See secret_list.h.
#include "secret_list.h"

#include "memory.h"
#include "signature.h"

#include <stdlib.h>
#include <string.h>

#define PAIR_BYTES_MAX (DAILY_NAME_BYTES + 1024)
#define BETWEEN ", \t\r\n"

// `number=secret`, when Daily last showed it, and whether it does so now.
struct pair {
    char *text;
    uint64_t seen_ms;
    bool is_current;
};

struct secret_list {
    struct pair pairs[SECRET_LIST_MAX];
    size_t count;
};

struct secret_list *secret_list_new(void)
{
    return memory_zeroed(sizeof(struct secret_list));
}

static void free_pair(struct pair *pair)
{
    memory_wipe(pair->text, strlen(pair->text));
    free(pair->text);
}

void secret_list_free(struct secret_list *list)
{
    for (size_t i = 0; list && i < list->count; i++) {
        free_pair(&list->pairs[i]);
    }
    free(list);
}

// One that Daily no longer shows, freed; NULL: there is none.
static struct pair *old_one(struct secret_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        if (!list->pairs[i].is_current) {
            free_pair(&list->pairs[i]);
            return &list->pairs[i];
        }
    }
    return NULL;
}

static void see(struct secret_list *list, struct bytes_view text, uint64_t now_ms, bool is_current)
{
    for (size_t i = 0; i < list->count; i++) {
        struct pair *pair = &list->pairs[i];
        if (view_equal_text(text, pair->text)) {
            pair->seen_ms = now_ms > pair->seen_ms ? now_ms : pair->seen_ms;
            pair->is_current = is_current;
            return;
        }
    }
    struct pair *room = list->count < SECRET_LIST_MAX ? &list->pairs[list->count++] : old_one(list);
    if (room) {
        *room = (struct pair){memory_text_of(text.data, text.len), now_ms, is_current};
    }
}

// As the ingress will read it.
static bool is_usable(const char *pair)
{
    struct bytes problem;
    bytes_init(&problem, 1024);
    struct signature_secrets *secrets = signature_secrets_parse(pair, &problem);
    bytes_release(&problem);
    signature_secrets_free(secrets);
    return secrets != NULL;
}

void secret_list_take_text(struct secret_list *list, struct bytes_view text, uint64_t at_ms)
{
    for (size_t at = 0; at < text.len;) {
        size_t len = 0;
        while (at + len < text.len && !strchr(BETWEEN, text.data[at + len])) {
            len++;
        }
        if (len > 0) {
            see(list, (struct bytes_view){text.data + at, len}, at_ms, false);
        }
        at += len + 1;
    }
}

static void drop_old(struct secret_list *list, uint64_t now_ms)
{
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++) {
        if (list->pairs[i].seen_ms + SECRET_KEEP_MS < now_ms) {
            free_pair(&list->pairs[i]);
        } else {
            list->pairs[kept] = list->pairs[i];
            list->pairs[kept++].is_current = false;
        }
    }
    list->count = kept;
}

size_t secret_list_update(struct secret_list *list, const struct daily_numbers *numbers,
                          uint64_t now_ms, struct bytes *unusable)
{
    size_t usable = 0;
    drop_old(list, now_ms);
    for (size_t i = 0; i < numbers->count; i++) {
        const char *secret = daily_number_text(&numbers->list[i], "hmac");
        char name[DAILY_NAME_BYTES];
        struct bytes pair;
        daily_number_name(&numbers->list[i], name);
        bytes_init(&pair, PAIR_BYTES_MAX);
        bytes_printf(&pair, "%s=%s", name, secret);
        if (name[0] && secret[0] && !strpbrk(name, BETWEEN) && !strpbrk(secret, BETWEEN) &&
            is_usable(bytes_text(&pair))) {
            see(list, bytes_view(&pair), now_ms, true);
            usable++;
        } else {
            bytes_printf(unusable, "%s%s", unusable->len > 0 ? ", " : "",
                         name[0] ? name : numbers->list[i].id);
        }
        memory_wipe(pair.data, pair.len);
        bytes_release(&pair);
    }
    return usable;
}

// Of the old ones as many as there is room for: the new ones must not wait for them.
static bool append_pairs(const struct secret_list *list, bool are_current, uint64_t now_ms,
                         struct bytes *out)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct pair *pair = &list->pairs[i];
        bool is_wanted =
            pair->is_current == are_current && pair->seen_ms + SECRET_KEEP_MS >= now_ms;
        size_t len = is_wanted ? strlen(pair->text) + (out->len > 0) : 0;
        if (out->len + len + 1 > SECRET_LIST_BYTES_MAX) { // 1: the newline
            return false;
        }
        if (is_wanted) {
            bytes_printf(out, "%s%s", out->len > 0 ? "," : "", pair->text);
        }
    }
    return true;
}

bool secret_list_print(const struct secret_list *list, bool keeps_old, uint64_t now_ms,
                       struct bytes *out)
{
    bool is_whole = append_pairs(list, true, now_ms, out);
    if (is_whole && keeps_old) {
        append_pairs(list, false, now_ms, out);
    }
    return is_whole && out->len > 0 && bytes_append_text(out, "\n");
}
