// See redact.h. One pass from left to right, without parsing: what is recorded may be JSON, JSON
// that was cut, or an error page. At each place a few questions are asked in turn: does a known
// secret begin here, a JSON Web Token, a bearer credential, or a word that names a secret and has a
// value behind it?
#include "redact.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#define REDACTED "[redacted]"
#define SECRET_BYTES_MIN 4
#define JWT_BYTES_MIN 20

struct reader {
    const char *at, *end;
    struct bytes *out;
};

static void emit(struct reader *reader, const char *data, size_t len)
{
    size_t room = reader->out->max - reader->out->len;
    bytes_append(reader->out, data, len < room ? len : room);
}

static bool is_in(char c, const char *set)
{
    return c && strchr(set, c);
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_word(char c)
{
    return is_letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

static bool is_credential(char c)
{
    return is_word(c) || is_in(c, "._~+/=");
}

// --- known secrets ----------------------------------------------------------------------------

// How much of the text at `at` is `secret`, as it is or escaped as JSON does; 0: it is not.
static size_t match_secret(const char *at, const char *end, const char *secret)
{
    const char *text = at;
    for (const char *c = secret; *c; c++, text++) {
        if (text < end && *text == '\\' && text + 1 < end && text[1] == *c && is_in(*c, "\"\\/")) {
            text++;
        }
        if (text >= end || *text != *c) {
            return 0;
        }
    }
    return (size_t)(text - at);
}

static size_t secret_at(const char *at, const char *end, const struct redact_secrets *secrets)
{
    size_t len = 0;
    for (size_t i = 0; i < secrets->count && len == 0; i++) {
        const char *secret = secrets->values[i];
        if (secret && strlen(secret) >= SECRET_BYTES_MIN) {
            len = match_secret(at, end, secret);
        }
    }
    return len;
}

static bool take_secret(struct reader *reader, const struct redact_secrets *secrets)
{
    size_t len = secret_at(reader->at, reader->end, secrets);
    if (len > 0) {
        emit(reader, REDACTED, strlen(REDACTED));
        reader->at += len;
    }
    return len > 0;
}

// --- tokens by their form ---------------------------------------------------------------------

static size_t credential_len(const struct reader *reader, const char *from)
{
    const char *at = from;
    while (at < reader->end && is_credential(*at)) {
        at++;
    }
    return (size_t)(at - from);
}

static bool take_jwt(struct reader *reader)
{
    if (reader->end - reader->at < JWT_BYTES_MIN || memcmp(reader->at, "eyJ", 3) != 0) {
        return false;
    }
    size_t len = credential_len(reader, reader->at);
    if (len < JWT_BYTES_MIN || !memchr(reader->at, '.', len)) {
        return false;
    }
    emit(reader, REDACTED, strlen(REDACTED));
    reader->at += len;
    return true;
}

static bool take_bearer(struct reader *reader)
{
    static const char WORD[] = "bearer ";
    size_t word = sizeof WORD - 1;
    if ((size_t)(reader->end - reader->at) <= word || strncasecmp(reader->at, WORD, word) != 0) {
        return false;
    }
    size_t len = credential_len(reader, reader->at + word);
    if (len == 0) {
        return false;
    }
    emit(reader, reader->at, word);
    emit(reader, REDACTED, strlen(REDACTED));
    reader->at += word + len;
    return true;
}

// --- values behind names ----------------------------------------------------------------------

// Does this word name a secret: is its last part, behind `_`, `-` or a change of case, one of
// these?
static bool names_secret(const char *word, size_t len)
{
    static const char *const LAST_PARTS[] = {"token", "key", "secret", "password", "authorization"};
    if (len == strlen("idempotency-key") && (!strncasecmp(word, "idempotency-key", len) ||
                                             !strncasecmp(word, "idempotency_key", len))) {
        return false;
    }
    for (size_t i = 0; i < sizeof LAST_PARTS / sizeof LAST_PARTS[0]; i++) {
        size_t part = strlen(LAST_PARTS[i]);
        if (len < part || strncasecmp(word + len - part, LAST_PARTS[i], part) != 0) {
            continue;
        }
        const char *begin = word + len - part;
        bool is_whole = len == part || !is_letter(begin[-1]);
        bool changes_case =
            !is_whole && begin[0] >= 'A' && begin[0] <= 'Z' && begin[-1] >= 'a' && begin[-1] <= 'z';
        if (is_whole || changes_case) {
            return true;
        }
    }
    return false;
}

// Steps over blanks, and a quote that may be escaped (JSON inside a JSON string).
static const char *skip(const char *at, const char *end, const char *set)
{
    while (at < end && is_in(*at, set)) {
        at++;
    }
    return at;
}

static const char *end_of_quoted(const char *at, const char *end, char quote, bool is_escaped)
{
    for (; at < end; at++) {
        if (is_escaped && *at == '\\' && at + 1 < end && at[1] == quote) {
            return at;
        }
        if (!is_escaped && *at == '\\') {
            at++;
        } else if (!is_escaped && *at == quote) {
            return at;
        }
    }
    return end;
}

// The value behind a name: `reader->at` is on it.
static void take_value(struct reader *reader, bool is_json)
{
    const char *at = reader->at;
    bool is_escaped = at + 1 < reader->end && *at == '\\' && is_in(at[1], "\"'");
    const char *quote = at + is_escaped;
    if (quote < reader->end && is_in(*quote, "\"'")) {
        const char *end = end_of_quoted(quote + 1, reader->end, *quote, is_escaped);
        emit(reader, at, (size_t)(quote + 1 - at));
        emit(reader, REDACTED, strlen(REDACTED));
        reader->at = end;
        return;
    }
    if (at < reader->end && is_in(*at, "{[")) {
        return; // what is inside has names of its own
    }
    while (at < reader->end && !is_in(*at, " \t\r\n,;&}]\"'<\\")) {
        at++;
    }
    bool is_null = at - reader->at == 4 && !memcmp(reader->at, "null", 4);
    if (at == reader->at || is_null) {
        return;
    }
    emit(reader, "\"", is_json ? 1 : 0);
    emit(reader, REDACTED, strlen(REDACTED));
    emit(reader, "\"", is_json ? 1 : 0);
    reader->at = at;
}

static void take_word(struct reader *reader, const struct redact_secrets *secrets)
{
    const char *begin = reader->at;
    const char *at = begin;
    while (at < reader->end && is_word(*at)) {
        if (at > begin && secret_at(at, reader->end, secrets) > 0) { // in the middle of the word
            emit(reader, begin, (size_t)(at - begin));
            reader->at = at;
            return;
        }
        at++;
    }
    reader->at = at;
    emit(reader, begin, (size_t)(at - begin));
    if (!names_secret(begin, (size_t)(at - begin))) {
        return;
    }
    bool is_json = at < reader->end && *at == '"';
    const char *behind = skip(skip(at, reader->end, "\\\"'"), reader->end, " \t\r\n");
    if (behind == reader->end || !is_in(*behind, ":=")) {
        return;
    }
    behind = skip(behind + 1, reader->end, " \t\r\n");
    emit(reader, at, (size_t)(behind - at));
    reader->at = behind;
    if (!take_bearer(reader)) {
        take_value(reader, is_json);
    }
}

void redact(struct bytes_view text, const struct redact_secrets *secrets, struct bytes *out)
{
    struct reader reader = {text.data, text.data + text.len, out};
    while (reader.at < reader.end && out->len < out->max) {
        bool is_word_start =
            is_word(*reader.at) && (reader.at == text.data || !is_word(reader.at[-1]));
        if (take_secret(&reader, secrets)) {
            continue;
        }
        if (is_word_start && (take_jwt(&reader) || take_bearer(&reader))) {
            continue;
        }
        if (is_word_start) {
            take_word(&reader, secrets);
        } else {
            emit(&reader, reader.at++, 1);
        }
    }
}
