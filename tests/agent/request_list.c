// A ring of fixed places, each with one block of memory for all its texts. The body of a request is
// kept as it came and spliced into the list as it stands, since it was found to be JSON when it
// came: nothing is printed anew, so tests see the very digits that were sent.
#include "request_list.h"

#include "json.h"
#include "loop.h"
#include "memory.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum outcome { OUTCOME_PENDING, OUTCOME_ANSWERED, OUTCOME_RESET };
static const char *const OUTCOME_NAMES[] = {"pending", "answered", "reset"};
static const char *const AUTHORIZATION_NAMES[] = {"absent", "bad", "good"};

struct kept {
    uint64_t index;
    uint64_t at_ms, at_wall_ms, answered_ms;
    enum outcome outcome;
    unsigned status;
    enum request_authorization authorization;
    bool has_key, body_is_json;
    size_t path_len, key_len, body_len;
    char *texts; // path, key and body, one behind the other
};

struct request_list {
    struct kept *ring; // `keep` places; the oldest is at `first`
    size_t keep, first, count;
    size_t bytes;
    uint64_t next_index;
};

struct request_list *request_list_open(size_t keep)
{
    struct request_list *list = memory_zeroed(sizeof *list);
    request_list_keep(list, keep);
    return list;
}

static struct kept *at(const struct request_list *list, size_t position)
{
    return &list->ring[(list->first + position) % list->keep];
}

static size_t texts_len(const struct kept *kept)
{
    return kept->path_len + kept->key_len + kept->body_len;
}

static void forget_oldest(struct request_list *list)
{
    struct kept *oldest = at(list, 0);
    list->bytes -= texts_len(oldest);
    free(oldest->texts);
    list->first = (list->first + 1) % list->keep;
    list->count--;
}

void request_list_keep(struct request_list *list, size_t keep)
{
    if (keep == list->keep) {
        return;
    }
    struct kept *ring = keep ? memory_zeroed(keep * sizeof *ring) : NULL;
    while (list->count > keep) {
        forget_oldest(list);
    }
    for (size_t i = 0; i < list->count; i++) {
        ring[i] = *at(list, i);
    }
    free(list->ring);
    list->ring = ring;
    list->keep = keep;
    list->first = 0;
}

void request_list_forget(struct request_list *list)
{
    while (list->count > 0) {
        forget_oldest(list);
    }
}

void request_list_close(struct request_list *list)
{
    request_list_forget(list);
    free(list->ring);
    free(list);
}

size_t request_list_count(const struct request_list *list)
{
    return list->count;
}

static char *texts_of(const struct kept *kept, const struct request_seen *seen)
{
    char *texts = memory_zeroed(texts_len(kept) + 1);
    memcpy(texts, seen->path, kept->path_len);
    if (kept->key_len > 0) {
        memcpy(texts + kept->path_len, seen->idempotency_key, kept->key_len);
    }
    if (kept->body_len > 0) {
        memcpy(texts + kept->path_len + kept->key_len, seen->body.data, kept->body_len);
    }
    return texts;
}

uint64_t request_list_add(struct request_list *list, const struct request_seen *seen)
{
    uint64_t index = list->next_index++;
    if (list->keep == 0) {
        return REQUEST_LIST_NONE;
    }
    struct kept kept = {
        .index = index,
        .at_ms = loop_now_ms(),
        .at_wall_ms = loop_wall_ms(),
        .authorization = seen->authorization,
        .has_key = seen->idempotency_key != NULL,
        .body_is_json = seen->body_is_json,
        .path_len = strlen(seen->path),
        .key_len = seen->idempotency_key ? strlen(seen->idempotency_key) : 0,
        .body_len = seen->body.len,
    };
    kept.texts = texts_of(&kept, seen);
    list->bytes += texts_len(&kept);
    while (list->count > 0 && (list->count == list->keep || list->bytes > REQUEST_LIST_BYTES_MAX)) {
        forget_oldest(list);
    }
    *at(list, list->count++) = kept;
    return index;
}

void request_list_answered(struct request_list *list, uint64_t index, unsigned status)
{
    if (index == REQUEST_LIST_NONE || list->count == 0 || index < at(list, 0)->index ||
        index - at(list, 0)->index >= list->count) {
        return; // forgotten already
    }
    struct kept *kept = at(list, index - at(list, 0)->index);
    kept->answered_ms = loop_now_ms();
    kept->status = status;
    kept->outcome = status ? OUTCOME_ANSWERED : OUTCOME_RESET;
}

// "name":<number or null>
static bool print_number_or_null(struct bytes *out, const char *name, bool is_there, uint64_t value)
{
    return is_there ? bytes_printf(out, ",\"%s\":%" PRIu64, name, value)
                    : bytes_printf(out, ",\"%s\":null", name);
}

static bool print_kept(const struct kept *kept, struct bytes *out)
{
    struct bytes_view path = {kept->texts, kept->path_len};
    struct bytes_view key = {kept->texts + kept->path_len, kept->key_len};
    struct bytes_view body = {kept->texts + kept->path_len + kept->key_len, kept->body_len};
    bool fits =
        bytes_printf(out,
                     "{\"index\":%" PRIu64 ",\"at_ms\":%" PRIu64 ",\"at_wall_ms\":%" PRIu64
                     ",\"outcome\":\"%s\",\"authorization\":\"%s\"",
                     kept->index, kept->at_ms, kept->at_wall_ms, OUTCOME_NAMES[kept->outcome],
                     AUTHORIZATION_NAMES[kept->authorization]) &&
        print_number_or_null(out, "answered_ms", kept->answered_ms > 0, kept->answered_ms) &&
        print_number_or_null(out, "status", kept->status > 0, kept->status) &&
        bytes_append_text(out, ",\"path\":") && json_append_text(out, path) &&
        bytes_append_text(out, ",\"idempotency_key\":") &&
        (kept->has_key ? json_append_text(out, key) : bytes_append_text(out, "null")) &&
        bytes_printf(out, ",\"body_bytes\":%zu,\"body\":", kept->body_len);
    return fits &&
           (kept->body_is_json ? bytes_append_view(out, body) : bytes_append_text(out, "null")) &&
           bytes_append_text(out, "}");
}

static bool is_wanted(const struct kept *kept, const struct request_list_filter *filter)
{
    struct bytes_view key = {kept->texts + kept->path_len, kept->key_len};
    bool has_wanted_key = !filter->idempotency_key ||
                          (kept->has_key && view_equal_text(key, filter->idempotency_key));
    return has_wanted_key && kept->index >= filter->from;
}

bool request_list_print(const struct request_list *list, const struct request_list_filter *filter,
                        struct bytes *out)
{
    uint64_t left = filter->limit;
    const char *separator = "";
    bool fits = bytes_append_text(out, "[");
    for (size_t i = 0; fits && left > 0 && i < list->count; i++) {
        const struct kept *kept = at(list, i);
        if (is_wanted(kept, filter)) {
            fits = bytes_append_text(out, separator) && print_kept(kept, out);
            separator = ",\n";
            left--;
        }
    }
    return fits && bytes_append_text(out, "]");
}
