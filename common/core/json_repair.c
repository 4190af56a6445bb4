// See json_repair.h. A lenient scan collects the members; their values are then copied token by
// token. Only strings that may hold a flaw are decoded and written anew, everything else keeps its
// bytes, so that no number loses a digit.
#include "json_repair.h"

#include "utf8.h"

#include <string.h>

#define GROWTH 3 // one bad byte becomes the three of U+FFFD

// --- strings ----------------------------------------------------------------------------------

static bool append_code_point(struct bytes *out, unsigned code)
{
    char text[4];
    size_t len = 0;
    if (code < 0x80) {
        text[len++] = (char)code;
    } else if (code < 0x800) {
        text[len++] = (char)(0xc0 | code >> 6);
    } else if (code < 0x10000) {
        text[len++] = (char)(0xe0 | code >> 12);
        text[len++] = (char)(0x80 | (code >> 6 & 0x3f));
    } else {
        text[len++] = (char)(0xf0 | code >> 18);
        text[len++] = (char)(0x80 | (code >> 12 & 0x3f));
        text[len++] = (char)(0x80 | (code >> 6 & 0x3f));
    }
    if (code >= 0x80) {
        text[len++] = (char)(0x80 | (code & 0x3f));
    }
    return bytes_append(out, text, len);
}

// `*at` stands after the `u` of an escape; moves it to the end of the code point.
static bool append_unicode_escape(const char **at, const char *end, struct bytes *out)
{
    unsigned code = 0, low = 0;
    if (!json_read_hex(*at, end, &code)) {
        return false;
    }
    *at += 4;
    if (code < 0xd800 || code > 0xdfff) {
        return code == 0 || append_code_point(out, code);
    }
    bool is_pair = code < 0xdc00 && end - *at >= 6 && (*at)[0] == '\\' && (*at)[1] == 'u' &&
                   json_read_hex(*at + 2, end, &low) && low >= 0xdc00 && low <= 0xdfff;
    if (!is_pair) {
        return bytes_append_text(out, UTF8_REPLACEMENT);
    }
    *at += 6;
    return append_code_point(out, 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00));
}

static bool append_escape(const char **at, const char *end, struct bytes *out)
{
    static const char NAMES[] = "\"\\/bfnrt", VALUES[] = "\"\\/\b\f\n\r\t";
    if (*at == end) {
        return false;
    }
    char c = *(*at)++;
    if (c == 'u') {
        return append_unicode_escape(at, end, out);
    }
    const char *name = memchr(NAMES, c, sizeof NAMES - 1);
    return name && bytes_append(out, &VALUES[name - NAMES], 1);
}

bool json_repair_decode(struct bytes_view raw, struct bytes *out)
{
    const char *at = raw.data, *end = raw.data + raw.len;
    bool fits = true;
    while (at < end && fits) {
        size_t len = utf8_len(at, (size_t)(end - at));
        if (*at == '\\') {
            at++;
            fits = append_escape(&at, end, out);
        } else if (len == 0) {
            at++;
            fits = bytes_append_text(out, UTF8_REPLACEMENT);
        } else {
            fits = bytes_append(out, at, len);
            at += len;
        }
    }
    return fits;
}

// `raw` includes the quotes.
static bool write_string(struct bytes_view raw, struct bytes *out)
{
    bool may_have_flaw = memmem(raw.data, raw.len, "\\u", 2);
    for (size_t i = 0; i < raw.len && !may_have_flaw; i++) {
        may_have_flaw = (signed char)raw.data[i] < 0;
    }
    if (!may_have_flaw) {
        return bytes_append_view(out, raw);
    }
    struct bytes plain;
    bytes_init(&plain, GROWTH * raw.len);
    bool fits = json_repair_decode((struct bytes_view){raw.data + 1, raw.len - 2}, &plain) &&
                json_append_text(out, bytes_view(&plain));
    bytes_release(&plain);
    return fits;
}

// --- values -----------------------------------------------------------------------------------

static size_t string_len(const char *at, const char *end)
{
    const char *begin = at++;
    while (at < end && *at != '"') {
        at += *at == '\\' && at + 1 < end ? 2 : 1;
    }
    return (size_t)(at - begin) + (at < end);
}

static size_t number_len(const char *at, const char *end)
{
    const char *begin = at;
    while (at < end && memchr("+-.0123456789Ee", *at, 15)) {
        at++;
    }
    return (size_t)(at - begin);
}

bool json_repair_write_value(struct bytes_view value, struct bytes *out)
{
    const char *at = value.data, *end = value.data + value.len;
    bool fits = true;
    while (at < end && fits) {
        size_t len = 1;
        if (*at == '"') {
            len = string_len(at, end);
            fits = write_string((struct bytes_view){at, len}, out);
        } else if (*at == '-' || (*at >= '0' && *at <= '9')) {
            len = number_len(at, end);
            const char *quote = len > JSON_NUMBER_BYTES_MAX ? "\"" : "";
            fits = bytes_append_text(out, quote) && bytes_append(out, at, len) &&
                   bytes_append_text(out, quote);
        } else {
            fits = bytes_append(out, at, 1);
        }
        at += len;
    }
    return fits;
}

// --- objects ----------------------------------------------------------------------------------

struct bytes_view json_repair_key(const struct json_repair *repair, size_t member)
{
    const struct json_repair_member *found = &repair->members[member];
    return (struct bytes_view){bytes_text(&repair->keys) + found->key_at, found->key_len};
}

static size_t find_key(const struct json_repair *repair, struct bytes_view key)
{
    size_t member = 0;
    while (member < repair->count && !view_equal(json_repair_key(repair, member), key)) {
        member++;
    }
    return member;
}

const struct json_repair_member *json_repair_find(const struct json_repair *repair, const char *key)
{
    size_t member = find_key(repair, view_of_text(key));
    return member < repair->count ? &repair->members[member] : NULL;
}

static bool is_known(const struct json_repair *repair, struct bytes_view key)
{
    for (const char *const *known = repair->known; known && *known; known++) {
        if (view_equal_text(key, *known)) {
            return true;
        }
    }
    return false;
}

static const char *note_member(struct bytes_view key, struct bytes_view value, unsigned flaws,
                               void *arg)
{
    struct json_repair *repair = arg;
    size_t key_at = repair->keys.len;
    if (!json_repair_decode(key, &repair->keys)) {
        return "it is too long to be repaired";
    }
    const struct bytes_view name = {bytes_text(&repair->keys) + key_at, repair->keys.len - key_at};
    size_t same = find_key(repair, name);
    if (same < repair->count) {
        repair->members[same].is_repeated = true;
        repair->flaws |= JSON_FLAW_REPEATED;
        return NULL;
    }
    bool is_one_of_known = is_known(repair, name);
    if (!is_one_of_known && repair->unknown_count == JSON_MEMBERS_MAX) {
        repair->flaws |= JSON_FLAW_MEMBERS;
        return NULL;
    }
    repair->unknown_count += !is_one_of_known;
    repair->members[repair->count++] =
        (struct json_repair_member){value, flaws, false, key_at, name.len};
    return NULL;
}

static void keep_known(struct json_repair *repair)
{
    size_t kept = 0;
    for (size_t i = 0; i < repair->count; i++) {
        if (is_known(repair, json_repair_key(repair, i))) {
            repair->members[kept++] = repair->members[i];
        }
    }
    repair->count = kept;
}

const char *json_repair_read(struct json_repair *repair, struct bytes_view text,
                             const char *const *known)
{
    struct json_scan scan = {.is_lenient = true, .on_member = note_member, .arg = repair};
    repair->flaws = 0;
    repair->count = repair->unknown_count = 0;
    repair->known = known;
    bytes_init(&repair->keys, GROWTH * text.len + 1);
    const char *problem = json_scan(&scan, text);
    repair->flaws |= scan.flaws;
    if (known && (repair->count > JSON_MEMBERS_MAX || repair->flaws & JSON_FLAW_MEMBERS)) {
        repair->flaws |= JSON_FLAW_MEMBERS;
        keep_known(repair);
    }
    return problem;
}

void json_repair_release(struct json_repair *repair)
{
    bytes_release(&repair->keys);
    repair->count = 0;
}

bool json_repair_write(const struct json_repair *repair, struct bytes *out)
{
    bool fits = bytes_append_text(out, "{");
    for (size_t i = 0; i < repair->count && fits; i++) {
        fits = bytes_append_text(out, i > 0 ? "," : "") &&
               json_append_text(out, json_repair_key(repair, i)) && bytes_append_text(out, ":") &&
               json_repair_write_value(repair->members[i].value, out);
    }
    return fits && bytes_append_text(out, "}");
}
