// See json.h. A strict scan notes the positions of the outermost members; only a text that passes
// is given to cJSON.
#include "json.h"

#include "memory.h"
#include "utf8.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// --- documents --------------------------------------------------------------------------------

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool has_repeated_key(const cJSON *tree)
{
    const char *keys[JSON_MEMBERS_MAX] = {NULL};
    size_t count = 0;
    for (const cJSON *member = tree->child; member; member = member->next) {
        keys[count++] = member->string;
    }
    qsort(keys, count, sizeof keys[0], compare_texts);
    for (size_t i = 1; i < count; i++) {
        if (!strcmp(keys[i - 1], keys[i])) {
            return true;
        }
    }
    return false;
}

static void *allocate(size_t size)
{
    return memory_resized(NULL, size);
}

void json_init(void)
{
    cJSON_Hooks hooks = {allocate, free};
    cJSON_InitHooks(&hooks);
}

static const char *note_member(struct bytes_view key, struct bytes_view value, unsigned flaws,
                               void *arg)
{
    struct json_document *document = arg;
    (void)flaws; // there are none: the scan is strict
    if (document->member_count == JSON_MEMBERS_MAX) {
        return "the object has too many members";
    }
    document->members[document->member_count++] = (struct json_member){key, value};
    return NULL;
}

const char *json_parse(struct json_document *document, struct bytes_view text)
{
    struct json_scan scan = {.on_member = note_member, .arg = document};
    document->tree = NULL;
    document->member_count = 0;
    const char *problem = json_scan(&scan, text);
    document->failed_at = scan.failed_at;
    if (!problem) {
        document->tree = cJSON_ParseWithLength(text.data, text.len);
        problem = !document->tree                    ? "it is not understood"
                  : has_repeated_key(document->tree) ? "a field is repeated"
                                                     : NULL;
    }
    if (problem) {
        json_release(document);
    }
    return problem;
}

void json_release(struct json_document *document)
{
    cJSON_Delete(document->tree);
    document->tree = NULL;
    document->member_count = 0;
}

const char *json_text(const cJSON *object, const char *name)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
}

uint64_t json_count(const cJSON *object, const char *name)
{
    const cJSON *number = cJSON_GetObjectItemCaseSensitive(object, name);
    bool is_good = cJSON_IsNumber(number) && number->valuedouble >= 0 && number->valuedouble < 1e15;
    return is_good ? (uint64_t)number->valuedouble : 0;
}

bool json_print(const cJSON *tree, struct bytes *out)
{
    char *text = cJSON_PrintUnformatted(tree);
    assert(text);
    bool fits = bytes_append_text(out, text);
    free(text);
    return fits;
}

static bool is_plain(char c)
{
    return (signed char)c >= 0x20 && c != '"' && c != '\\'; // sequences are below 0
}

// The escape for the byte or sequence at `at`; NULL if it needs none. `*len` is how long it is.
static const char *escaped(const char *at, size_t left, char text[8], size_t *len)
{
    unsigned char c = (unsigned char)*at;
    *len = utf8_len(at, left);
    if (*len == 0) {
        *len = 1;
        return UTF8_REPLACEMENT;
    }
    if (c >= 0x20 && c != '"' && c != '\\') {
        return NULL;
    }
    snprintf(text, 8, c < 0x20 ? "\\u%04x" : "\\%c", c);
    return text;
}

bool json_append_text(struct bytes *out, struct bytes_view text)
{
    size_t len_before = out->len, len = 0;
    bool fits = bytes_append(out, "\"", 1);
    size_t plain = 0; // begin of the bytes that need no escape
    char escape[8];
    for (size_t i = 0; i < text.len && fits; i += len) {
        const char *instead = NULL;
        len = 1;
        if (!is_plain(text.data[i])) {
            instead = escaped(text.data + i, text.len - i, escape, &len);
        }
        if (instead) {
            fits =
                bytes_append(out, text.data + plain, i - plain) && bytes_append_text(out, instead);
            plain = i + len;
        }
    }
    if (text.len > plain) {
        fits = fits && bytes_append(out, text.data + plain, text.len - plain);
    }
    fits = fits && bytes_append(out, "\"", 1);
    if (!fits && out->data) {
        out->len = len_before;
        out->data[len_before] = '\0';
    }
    return fits;
}
