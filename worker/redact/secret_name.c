// See secret_name.h. A name is judged by its last word. Every word that ends in "token" or
// "secret" does so for one reason only, but not in "key" (monkey, turkey): that one must begin a
// word, or follow one that is known for it.
#include "secret_name.h"

#include "secret_form.h"

#include <string.h>
#include <strings.h>

#define NAME_END_BYTES 32 // the last ones of a name are enough to judge it

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
        int32_t code = *at == '\\' ? secret_unicode_escape(at + 1, end) : (unsigned char)*at;
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
    return (len > 0 && strchr("nNtTdDyYeEsS", name.data[len - 1])) ||
           (name.len > 0 && memchr(name.data, '\\', name.len));
}

bool secret_is_name(struct bytes_view name)
{
    static const char *const SECRETS[] = {
        "token",         "secret", "password", "passwd",  "pwd", "passphrase",
        "authorization", "jwt",    "cookie",   "cookies", NULL};
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

bool secret_is_header_name(struct bytes_view name)
{
    static const char *const HEADERS[] = {"authorization", "cookie", NULL};
    return ends_in_one_of(name, HEADERS);
}

bool secret_is_pair_name(struct bytes_view name)
{
    return view_equal_ignoring_case(name, "name") || view_equal_ignoring_case(name, "key");
}
