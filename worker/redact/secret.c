// See secret.h. A value is looked for as it is and, character by character, in any of the forms
// that JSON has for it, also after several backslashes (JSON inside a string of JSON). A name is
// judged by its last word. Every word there is ends in "token" or "secret" for one reason only, but
// not in "key" (monkey, turkey): that one must begin a word, or follow one that is known for it.
#include "secret.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#define BACKSLASHES_MAX 8
#define NAME_END_BYTES 32 // the last ones of a name are enough to judge it
#define UNICODE_ESCAPE_LEN 6

void secret_values_init(struct secret_values *values, const struct redact_secrets *secrets)
{
    assert(secrets->count <= REDACT_SECRETS_MAX);
    memset(values, 0, sizeof *values);
    for (size_t i = 0; i < secrets->count; i++) {
        struct bytes_view value = view_of_text(secrets->values[i]);
        if (value.len >= SECRET_BYTES_MIN) {
            values->values[values->count++] = value;
            values->may_begin[(unsigned char)value.data[0]] = true;
            values->may_begin['\\'] = true;
        }
    }
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t secret_unit_len(const char *at, const char *end)
{
    size_t len = *at != '\\' ? 1 : at + 1 < end && at[1] == 'u' ? UNICODE_ESCAPE_LEN : 2;
    return smaller(len, (size_t)(end - at));
}

// --- values -----------------------------------------------------------------------------------

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

// The code after `u` at `at`; -1 if there is none.
static int32_t unicode_escape(const char *at, const char *end)
{
    int32_t code = 0;
    if (end - at < UNICODE_ESCAPE_LEN - 1 || *at != 'u') {
        return -1;
    }
    for (int i = 1; i <= 4; i++) {
        int digit = hex_digit(at[i]);
        if (digit < 0) {
            return -1;
        }
        code = code * 16 + digit;
    }
    return code;
}

// The first character of a UTF-8 text, and its length; a stray byte counts as itself.
static int32_t utf8_character(struct bytes_view text, size_t *len)
{
    unsigned char c = (unsigned char)text.data[0];
    *len = c < 0xc0 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    if (*len == 1 || *len > text.len) {
        *len = 1;
        return c;
    }
    int32_t code = c & (0x7f >> *len);
    for (size_t i = 1; i < *len; i++) {
        code = code << 6 | (text.data[i] & 0x3f);
    }
    return code;
}

// Does the escape sequence at `at` stand for the first character of `value`? Gives the lengths of
// both.
static bool match_escape(struct bytes_view value, const char *at, const char *end,
                         size_t *value_len, size_t *text_len)
{
    static const char CONTROLS[] = "\b\f\n\r\t", LETTERS[] = "bfnrt";
    size_t backslashes = 0;
    while (at + backslashes < end && at[backslashes] == '\\' && backslashes < BACKSLASHES_MAX) {
        backslashes++;
    }
    const char *behind = at + backslashes;
    int32_t wanted = utf8_character(value, value_len);
    int32_t code = unicode_escape(behind, end);
    *text_len = backslashes + UNICODE_ESCAPE_LEN - 1;
    if (wanted > 0xffff && code >= 0xd800 && end - behind > UNICODE_ESCAPE_LEN + 4) {
        int32_t low = unicode_escape(behind + UNICODE_ESCAPE_LEN, end);
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        *text_len += UNICODE_ESCAPE_LEN;
    }
    if (wanted == code) {
        return true;
    }
    *value_len = 1;
    *text_len = 2;
    if (wanted == '\\') {
        return backslashes >= 2;
    }
    *text_len = backslashes + 1;
    const char *control = wanted > 0 && wanted < 0x20 ? strchr(CONTROLS, wanted) : NULL;
    return behind < end &&
           (control ? *behind == LETTERS[control - CONTROLS]
                    : *behind == wanted && (wanted == '"' || wanted == '/' || wanted == '\''));
}

// Returns whether the rest of a text is empty or an escape sequence that was cut.
static bool is_cut_off(const char *at, const char *end)
{
    const char *text = at;
    while (text < end && *text == '\\') {
        text++;
    }
    if (text < end && text > at && *text == 'u') {
        for (text++; text < end && hex_digit(*text) >= 0; text++) {
        }
    }
    return text == end && end - at < BACKSLASHES_MAX + UNICODE_ESCAPE_LEN;
}

static size_t match_escaped(struct bytes_view value, const struct secret_text *text, const char *at)
{
    const char *position = at;
    for (size_t i = 0; i < value.len;) {
        size_t value_len = 1, text_len = 1;
        bool is_same =
            position < text->end &&
            (*position != '\\' ? *position == value.data[i]
                               : match_escape((struct bytes_view){value.data + i, value.len - i},
                                              position, text->end, &value_len, &text_len));
        if (!is_same) {
            bool is_begun =
                text->is_cut && i >= SECRET_BYTES_MIN && is_cut_off(position, text->end);
            return is_begun ? (size_t)(text->end - at) : 0;
        }
        i += value_len;
        position += text_len;
    }
    return (size_t)(position - at);
}

static size_t match_plain(struct bytes_view value, const struct secret_text *text, const char *at)
{
    size_t left = (size_t)(text->end - at);
    size_t len = smaller(value.len, left);
    bool may_match = len == value.len || (text->is_cut && len >= SECRET_BYTES_MIN);
    return may_match && !memcmp(at, value.data, len) ? len : 0;
}

size_t secret_match(const struct secret_values *values, const struct secret_text *text,
                    const char *at)
{
    size_t longest = 0;
    for (size_t i = 0; values->may_begin[(unsigned char)*at] && i < values->count; i++) {
        size_t escaped = match_escaped(values->values[i], text, at);
        size_t plain = text->is_json_string ? 0 : match_plain(values->values[i], text, at);
        longest = escaped > longest ? escaped : longest;
        longest = plain > longest ? plain : longest;
    }
    return longest;
}

// --- names ------------------------------------------------------------------------------------

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static bool is_alphanumeric(char c)
{
    return is_lower(c) || is_upper(c) || (c >= '0' && c <= '9');
}

// The last letters and digits of `name`, escapes resolved; the characters after them are left out.
static size_t end_of_name(struct bytes_view name, char out[NAME_END_BYTES])
{
    const char *end = name.data + name.len;
    size_t len = 0;
    for (const char *at = name.data; at < end; at += secret_unit_len(at, end)) {
        int32_t code = *at == '\\' ? unicode_escape(at + 1, end) : (unsigned char)*at;
        if (len == NAME_END_BYTES) {
            memmove(out, out + 1, --len);
        }
        out[len++] = code > 0 && code < 0x80 ? (char)code : '?';
    }
    while (len > 0 && !is_alphanumeric(out[len - 1])) {
        len--;
    }
    return len;
}

static bool ends_in(struct bytes_view name, const char *word)
{
    size_t len = strlen(word);
    return len <= name.len && !strncasecmp(name.data + name.len - len, word, len);
}

static bool ends_in_one_of(struct bytes_view name, const char *const *words)
{
    for (; *words; words++) {
        if (ends_in(name, *words)) {
            return true;
        }
    }
    return false;
}

// Of `api_key`, `apiKey`, `APIKey`, and `key` itself, but not of `monkey`.
static bool begins_word(struct bytes_view name, size_t at)
{
    char here = name.data[at];
    char before = at > 0 ? name.data[at - 1] : '_';
    bool is_letter = is_lower(before) || is_upper(before);
    return !is_letter || (is_upper(here) && (is_lower(before) || is_lower(name.data[at + 1])));
}

// Every one of the words below ends in one of these letters: most names are known for harmless by
// that. If there are escapes, they are resolved first.
static bool may_be_secret(struct bytes_view name)
{
    size_t len = name.len;
    while (len > 0 && !is_alphanumeric(name.data[len - 1])) {
        len--;
    }
    return (len > 0 && strchr("nNtTdDyY", name.data[len - 1])) ||
           (name.len > 0 && memchr(name.data, '\\', name.len));
}

bool secret_is_name(struct bytes_view name)
{
    static const char *const SECRETS[] = {"token", "secret", "password", "authorization", NULL};
    static const char *const NO_SECRETS[] = {"idempotency-key", "idempotency_key", "idempotencykey",
                                             NULL};
    static const char *const KEYS[] = {"apikey",    "authkey",    "accesskey",
                                       "secretkey", "publickey",  "passkey",
                                       "sharedkey", "privatekey", NULL};
    char text[NAME_END_BYTES];
    if (!may_be_secret(name)) {
        return false;
    }
    struct bytes_view last = {text, end_of_name(name, text)};
    if (ends_in_one_of(last, SECRETS) || ends_in_one_of(last, KEYS)) {
        return true;
    }
    return ends_in(last, "key") && begins_word(last, last.len - strlen("key")) &&
           !ends_in_one_of(last, NO_SECRETS);
}
