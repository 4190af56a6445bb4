// See secret.h. Each secret gives up to seven needles: itself, and for each of the three places
// that its first byte may have in a group of base64 the characters that depend on no other byte, in
// the standard alphabet and, if that makes a difference, in that of URLs. A needle is looked for as
// it is and, character by character, in every form of secret_form.h.
#include "secret.h"

#include "base64.h"
#include "memory.h"
#include "secret_form.h"

#include <stdlib.h>
#include <string.h>

#define BASE64_LINE_END_BYTES_MAX 8 // \r\n as escapes in JSON inside a string of JSON

struct redact_secrets *redact_secrets_new(void)
{
    return memory_zeroed(sizeof(struct redact_secrets));
}

void redact_secrets_free(struct redact_secrets *secrets)
{
    for (size_t i = 0; secrets && i < secrets->count; i++) {
        memory_wipe(secrets->needles[i].text, secrets->needles[i].len);
        free(secrets->needles[i].text);
    }
    free(secrets ? secrets->needles : NULL);
    free(secrets);
}

// --- needles ----------------------------------------------------------------------------------

static bool has_needle(const struct redact_secrets *secrets, struct bytes_view text)
{
    size_t i = secrets->first[(unsigned char)text.data[0]];
    for (; i > 0; i = secrets->needles[i - 1].next) {
        const struct secret_needle *needle = &secrets->needles[i - 1];
        if (view_equal(text, (struct bytes_view){needle->text, needle->len})) {
            return true;
        }
    }
    return false;
}

static void add_needle(struct redact_secrets *secrets, struct bytes_view text, bool is_base64,
                       bool is_open)
{
    unsigned char first = (unsigned char)text.data[0];
    if (has_needle(secrets, text)) {
        return;
    }
    secrets->needles =
        memory_resized(secrets->needles, (secrets->count + 1) * sizeof *secrets->needles);
    secrets->needles[secrets->count++] = (struct secret_needle){
        .text = memory_text_of(text.data, text.len),
        .len = text.len,
        .is_base64 = is_base64,
        .is_open = is_open,
        .next = secrets->first[first],
    };
    secrets->first[first] = secrets->count;
    secrets->may_begin[first] = true;
}

static void use_alphabet_of_urls(char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        text[i] = text[i] == '+' ? '-' : text[i] == '/' ? '_' : text[i];
    }
}

// For a secret after `shift` bytes, 0 to 2, of a group of base64: they and the rest of the secret's
// first character are left out, and the last character if it is not the secret's alone.
static void add_base64(struct redact_secrets *secrets, struct bytes_view value, size_t shift)
{
    static const size_t CHARACTERS_LEFT_OUT[] = {0, 2, 3};
    struct bytes shifted, encoded;
    bytes_init(&shifted, value.len + shift);
    bytes_init(&encoded, (value.len + shift) * 2 + 4);
    bytes_append(&shifted, "\0\0", shift);
    bytes_append_view(&shifted, value);
    base64_append(&encoded, (const unsigned char *)shifted.data, shifted.len);
    size_t end = shifted.len * 8 / 6, begin = CHARACTERS_LEFT_OUT[shift];
    bool is_open = shifted.len % 3 != 0;
    struct bytes_view needle = {encoded.data + begin, end - begin};
    if (needle.len >= SECRET_BYTES_MIN) {
        add_needle(secrets, needle, true, is_open);
        use_alphabet_of_urls(encoded.data, encoded.len);
        add_needle(secrets, needle, true, is_open);
    }
    memory_wipe(shifted.data, shifted.len);
    memory_wipe(encoded.data, encoded.len);
    bytes_release(&shifted);
    bytes_release(&encoded);
}

void redact_secrets_add(struct redact_secrets *secrets, const char *text)
{
    struct bytes_view value = view_of_text(text);
    if (value.len < SECRET_BYTES_MIN || has_needle(secrets, value)) {
        return;
    }
    for (const char *escape = "\\%&+"; *escape; escape++) {
        secrets->may_begin[(unsigned char)*escape] = true;
    }
    add_needle(secrets, value, false, false);
    for (size_t shift = 0; shift < 3; shift++) {
        add_base64(secrets, value, shift);
    }
}

// --- places -----------------------------------------------------------------------------------

// Base64 may go over several lines.
static const char *skip_line_end(const char *at, const char *end)
{
    const char *behind = at;
    while (behind < end && behind - at < BASE64_LINE_END_BYTES_MAX) {
        const char *letter = behind;
        while (letter < end && *letter == '\\') {
            letter++;
        }
        if (*behind == '\r' || *behind == '\n') {
            behind++;
        } else if (letter > behind && letter < end && (*letter == 'r' || *letter == 'n')) {
            behind = letter + 1;
        } else {
            break;
        }
    }
    return behind;
}

static bool is_base64_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '/' || c == '-' || c == '_';
}

typedef struct secret_form form_finder(struct bytes_view value, const char *at, const char *end);

static size_t match_forms(const struct secret_needle *needle, const struct secret_text *text,
                          const char *at, form_finder *find)
{
    const char *place = at;
    for (size_t i = 0; i < needle->len;) {
        const struct bytes_view rest = {needle->text + i, needle->len - i};
        place = needle->is_base64 && i > 0 ? skip_line_end(place, text->end) : place;
        struct secret_form form = {0, 0};
        if (place < text->end) {
            form = find(rest, place, text->end);
        }
        if (form.text_len == 0) {
            bool is_begun =
                text->is_cut && i >= SECRET_BYTES_MIN && secret_form_is_cut(place, text->end);
            return is_begun ? (size_t)(text->end - at) : 0;
        }
        i += form.value_len;
        place += form.text_len;
    }
    place += needle->is_open && place < text->end && is_base64_character(*place);
    return (size_t)(place - at);
}

static size_t match_plain(const struct secret_needle *needle, const struct secret_text *text,
                          const char *at)
{
    size_t left = (size_t)(text->end - at);
    size_t len = needle->len < left ? needle->len : left;
    bool may_match = len == needle->len || (text->is_cut && len >= SECRET_BYTES_MIN);
    return may_match && !memcmp(at, needle->text, len) ? len : 0;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static size_t match_needle(const struct secret_needle *needle, const struct secret_text *text,
                           const char *at)
{
    size_t plain = text->is_json_string ? 0 : match_plain(needle, text, at);
    size_t json = match_forms(needle, text, at, secret_form_json);
    return larger(larger(plain, json), match_forms(needle, text, at, secret_form_web));
}

// A needle whose first byte stands at `at` as it is: can its second be at the next place? Nearly
// every place is left after this question.
static bool may_go_on(const struct secret_needle *needle, const struct secret_text *text,
                      const char *at)
{
    char next = at + 1 < text->end ? at[1] : '\0';
    return next == needle->text[1] || next == '\\' || next == '%' || next == '&' || next == '+' ||
           next == '\r' || next == '\n';
}

size_t secret_match(const struct redact_secrets *secrets, const struct secret_text *text,
                    const char *at)
{
    unsigned char firsts[SECRET_FIRST_BYTES_MAX];
    size_t longest = 0;
    if (!secrets->may_begin[(unsigned char)*at]) {
        return 0;
    }
    size_t count = secret_form_first_bytes(at, text->end, firsts);
    for (size_t i = 0; i < count; i++) {
        for (size_t n = secrets->first[firsts[i]]; n > 0; n = secrets->needles[n - 1].next) {
            const struct secret_needle *needle = &secrets->needles[n - 1];
            if (i > 0 || may_go_on(needle, text, at)) {
                longest = larger(longest, match_needle(needle, text, at));
            }
        }
    }
    return longest;
}
