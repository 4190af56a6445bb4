// See redactor.h. At each place of a text some questions are asked in turn: does a known secret
// begin here, a JSON Web Token, a bearer credential, or has a word ended that names a secret and
// is followed by a value? Each looks a bounded way ahead, and if it looks further, it takes
// away: so the whole is linear. In doubt it takes too much: a record can be poorer, a secret that
// was recorded cannot be recalled.
#include "redactor.h"

#include "secret_form.h"
#include "secret_name.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

#define REDACTED "[redacted]"
#define QUOTE_BACKSLASHES_MAX 15
#define CUT_TOKEN_BYTES_MIN 8

static bool is_continuation(char c) // of a UTF-8 sequence
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

void redactor_emit(struct redactor *redactor, const char *data, size_t len)
{
    size_t room = redactor->out->max - redactor->out->len;
    if (redactor->is_full) {
        return;
    }
    if (len > room) {
        redactor->is_full = true;
        for (len = room; len > 0 && room - len < 3 && is_continuation(data[len]); len--) {
        }
    }
    bytes_append(redactor->out, data, len);
}

void redactor_emit_until(struct redactor *redactor, const char *until)
{
    assert(until >= redactor->plain);
    redactor_emit(redactor, redactor->plain, (size_t)(until - redactor->plain));
    redactor->plain = until;
}

void redactor_hide(struct redactor *redactor, const char *from, const char *to)
{
    redactor_emit_until(redactor, from);
    redactor_emit(redactor, REDACTED, strlen(REDACTED));
    redactor->at = redactor->plain = to;
}

static bool is_in(char c, const char *set)
{
    return c && strchr(set, c);
}

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
}

const char *redactor_skip(const char *at, const char *end, const char *set)
{
    while (at < end && is_in(*at, set)) {
        at++;
    }
    return at;
}

// Outside of JSON a backslash may be just that, as in C:\token.
static size_t step_len(const struct redactor *redactor, const char *at)
{
    return redactor->text.is_json_string ? secret_unit_len(at, redactor->text.end) : 1;
}

// If a known secret begins inside a hidden value, it is hidden to its end.
static void take(struct redactor *redactor, const char *from, const char *to)
{
    for (const char *at = from; at < to; at += step_len(redactor, at)) {
        size_t len = secret_match(redactor->secrets, &redactor->text, at);
        to = at + len > to ? at + len : to;
    }
    redactor_hide(redactor, from, to);
}

// --- secrets by their form --------------------------------------------------------------------

static bool take_known(struct redactor *redactor)
{
    if (!redactor->secrets->may_begin[(unsigned char)*redactor->at]) {
        return false;
    }
    size_t len = secret_match(redactor->secrets, &redactor->text, redactor->at);
    if (len > 0) {
        take(redactor, redactor->at, redactor->at + len);
    }
    return len > 0;
}

static bool take_web_token(struct redactor *redactor, const char *begin)
{
    const char *end = begin;
    size_t dots = 0;
    if (*begin != 'e' || redactor->text.end - begin < 3 || memcmp(begin, "eyJ", 3) != 0) {
        return false;
    }
    while (end < redactor->text.end && (is_word(*end) || *end == '.')) {
        dots += *end++ == '.';
    }
    bool is_cut =
        redactor->text.is_cut && end == redactor->text.end && end - begin >= CUT_TOKEN_BYTES_MIN;
    if (dots == 0 && !is_cut) {
        return false;
    }
    take(redactor, begin, end);
    return true;
}

// The end of a value without quotes: the first byte that cannot be in one. `\/` and `\u002f` can.
static const char *end_of_bare(const struct redactor *redactor, const char *at)
{
    const char *end = redactor->text.end;
    while (at < end && !is_in(*at, " \t\r\n,;&}])\"'<>")) {
        size_t backslashes = (size_t)(redactor_skip(at, end, "\\") - at);
        const char *behind = at + backslashes;
        bool is_quote = behind < end && is_in(*behind, "\"'");
        if (backslashes > 0 &&
            (is_quote || (backslashes == 1 && behind < end && redactor->text.is_json_string &&
                          is_in(*behind, "nrt")))) {
            return at;
        }
        at = backslashes > 1 ? behind - backslashes % 2 : at + secret_unit_len(at, end);
    }
    return at;
}

// "bearer token: …" is not a credential but a name followed by a value.
static bool is_name_with_value(const char *at, const char *end)
{
    const char *name_end = at;
    while (name_end < end && is_word(*name_end)) {
        name_end++;
    }
    struct bytes_view name = {at, (size_t)(name_end - at)};
    bool is_known =
        view_equal_ignoring_case(name, "token") || view_equal_ignoring_case(name, "key");
    name_end = redactor_skip(name_end, end, " \t");
    return is_known && name_end < end && is_in(*name_end, ":=");
}

static bool take_bearer(struct redactor *redactor, const char *begin)
{
    static const char WORD[] = "bearer";
    const char *word_end = begin + strlen(WORD);
    if ((*begin | 0x20) != 'b' || (size_t)(redactor->text.end - begin) <= strlen(WORD) ||
        strncasecmp(begin, WORD, strlen(WORD)) != 0) {
        return false;
    }
    const char *credential = redactor_skip(word_end, redactor->text.end, " \t");
    const char *end = end_of_bare(redactor, credential);
    if (credential == word_end || end == credential ||
        is_name_with_value(credential, redactor->text.end)) {
        return false;
    }
    take(redactor, credential, end);
    return true;
}

// --- values after names, in text --------------------------------------------------------------

// A quote, perhaps after backslashes: JSON inside a string of JSON.
struct quote {
    const char *begin, *end; // equal: there is none
};

static struct quote quote_at(const char *at, const char *end)
{
    const char *mark = at;
    while (mark < end && *mark == '\\' && mark - at < QUOTE_BACKSLASHES_MAX) {
        mark++;
    }
    return (struct quote){at, mark < end && is_in(*mark, "\"'") ? mark + 1 : at};
}

// Finds the quote that closes an opening one. Each level of nesting doubles the backslashes
// of its content, and adds one to those of the quote.
static const char *closing_quote(struct quote opening, const char *end)
{
    size_t level = (size_t)(opening.end - 1 - opening.begin);
    size_t backslashes = 0;
    for (const char *at = opening.end; at < end; at++) {
        if (*at == '\\') {
            backslashes++;
            continue;
        }
        if (*at == opening.end[-1] && backslashes % (2 * (level + 1)) == level) {
            return at - level;
        }
        backslashes = 0;
    }
    return end;
}

static const char *end_of_line(const struct redactor *redactor, const char *at, bool is_quoted)
{
    const char *end = redactor->text.end;
    for (; at < end && !is_in(*at, "\r\n"); at += secret_unit_len(at, end)) {
        bool is_escaped_end = *at == '\\' && at + 1 < end && is_in(at[1], "rn");
        if (is_escaped_end || (is_quoted && quote_at(at, end).end > at)) {
            return at;
        }
    }
    return at;
}

static bool is_scheme(const char *at, const char *end)
{
    struct bytes_view word = {at, (size_t)(end - at)};
    return view_equal_ignoring_case(word, "bearer") || view_equal_ignoring_case(word, "basic");
}

// Hides the value at `at`, which follows a name that was closed with `quote`. A bare value
// gets the quotes of its name, so that JSON inside a string stays JSON too.
static void take_bare(struct redactor *redactor, const char *at, struct quote quote)
{
    const char *end = end_of_bare(redactor, at);
    if (is_scheme(at, end)) {
        end = end_of_bare(redactor, redactor_skip(end, redactor->text.end, " \t"));
    }
    if (end == at || view_equal_text((struct bytes_view){at, (size_t)(end - at)}, "null")) {
        return;
    }
    redactor_emit_until(redactor, at);
    redactor_emit(redactor, quote.begin, (size_t)(quote.end - quote.begin));
    take(redactor, at, end);
    redactor_emit(redactor, quote.begin, (size_t)(quote.end - quote.begin));
}

static void take_value(struct redactor *redactor, const char *at, struct quote quote)
{
    struct quote opening = quote_at(at, redactor->text.end);
    if (opening.end == at) {
        take_bare(redactor, at, quote);
        return;
    }
    const char *end = closing_quote(opening, redactor->text.end);
    if (end > opening.end) {
        take(redactor, opening.end, end);
    }
    const char *behind = quote_at(end, redactor->text.end).end;
    redactor->at = behind > redactor->plain ? behind : redactor->plain; // a known secret may go on
}

// The elements of a list up to its end, or to the first that is not a plain value.
static void take_list(struct redactor *redactor, const char *at, struct quote quote)
{
    const char *element = NULL;
    redactor->at = at + 1;
    do {
        element = redactor_skip(redactor->at, redactor->text.end, " \t\r\n,");
        redactor->at = element;
        if (element < redactor->text.end && !is_in(*element, "{[]")) {
            take_value(redactor, element, quote);
        }
    } while (redactor->at > element);
}

// The value of a header goes to the end of its line: it may be of several words.
static bool is_header(const struct redactor *redactor, const char *word, const char *separator)
{
    return *separator == ':' &&
           secret_is_header_name((struct bytes_view){word, (size_t)(redactor->at - word)});
}

// `redactor->at` is after a word that names a secret. Returns false if no value follows.
static bool take_named(struct redactor *redactor, const char *word)
{
    const char *end = redactor->text.end;
    struct quote quote = quote_at(redactor->at, end);
    const char *separator = redactor_skip(redactor_skip(quote.end, end, "])"), end, " \t\r\n");
    if (separator == end || !is_in(*separator, ":=>")) {
        return false;
    }
    const char *at = redactor_skip(redactor_skip(separator, end, ":=>"), end, " \t\r\n");
    if (at == end || *at == '{') {
        return false;
    }
    if (*at == '[') {
        take_list(redactor, at, quote);
    } else if (is_header(redactor, word, separator) && quote_at(at, end).end == at) {
        bool is_quoted =
            quote.end > quote.begin || (word > redactor->begin && is_in(word[-1], "\"'"));
        take(redactor, at, end_of_line(redactor, at, is_quoted));
    } else {
        take_value(redactor, at, quote);
    }
    return redactor->at > at;
}

// --- pairs, in text ---------------------------------------------------------------------------

// After the separator of a name and its value, and blanks; NULL if there is no separator.
static const char *after_separator(const char *at, const char *end)
{
    const char *separator = redactor_skip(at, end, " \t\r\n");
    bool is_there = separator < end && is_in(*separator, ":=>");
    return is_there ? redactor_skip(redactor_skip(separator, end, ":=>"), end, " \t\r\n") : NULL;
}

// After blanks, commas and escaped ends of lines.
static const char *after_gap(const char *at, const char *end)
{
    const char *place = at;
    while (true) {
        place = redactor_skip(place, end, ",; \t\r\n");
        const char *letter = redactor_skip(place, end, "\\");
        if (letter == place || letter == end || !is_in(*letter, "nrt")) {
            return place;
        }
        place = letter + 1;
    }
}

static struct bytes_view word_at(const char *at, const char *end)
{
    const char *behind = at;
    while (behind < end && is_word(*behind)) {
        behind++;
    }
    return (struct bytes_view){at, (size_t)(behind - at)};
}

// Hides x in `"name": "token", "value": "x"`. `redactor->at` is after the word name.
static bool take_pair(struct redactor *redactor)
{
    const char *end = redactor->text.end;
    const char *at = after_separator(quote_at(redactor->at, end).end, end);
    if (!at) {
        return false;
    }
    struct bytes_view name = word_at(quote_at(at, end).end, end);
    at = name.data + name.len;
    if (!secret_is_name(name)) {
        return false;
    }
    const char *gap = quote_at(at, end).end;
    at = after_gap(gap, end);
    struct bytes_view value = word_at(quote_at(at, end).end, end);
    if (at == gap || !view_equal_ignoring_case(value, "value")) {
        return false;
    }
    struct quote quote = quote_at(value.data + value.len, end);
    at = after_separator(quote.end, end);
    if (at && at < end && !is_in(*at, "{[")) {
        take_value(redactor, at, quote);
    }
    return at && redactor->at > at;
}

// --- text -------------------------------------------------------------------------------------

// If the text is not known to be JSON, the letter after a backslash may belong to it: \nkey=…
static bool take_token(struct redactor *redactor)
{
    const char *at = redactor->at;
    bool is_escaped = at > redactor->begin && at[-1] == '\\' && at + 1 < redactor->text.end;
    return take_web_token(redactor, at) || take_bearer(redactor, at) ||
           (is_escaped && (take_web_token(redactor, at + 1) || take_bearer(redactor, at + 1)));
}

static bool is_named(const struct redactor *redactor, const char *word,
                     bool (*is_name)(struct bytes_view name))
{
    size_t len = (size_t)(redactor->at - word);
    bool is_escaped = word > redactor->begin && word[-1] == '\\';
    return is_name((struct bytes_view){word, len}) ||
           (is_escaped && is_name((struct bytes_view){word + 1, len - 1}));
}

static bool take_after(struct redactor *redactor, const char *word)
{
    return (is_named(redactor, word, secret_is_pair_name) && take_pair(redactor)) ||
           (is_named(redactor, word, secret_is_name) && take_named(redactor, word));
}

void redactor_search(struct redactor *redactor, const char *begin, const char *end,
                     bool is_json_string)
{
    const char *word = NULL; // that `at` is in
    redactor->begin = redactor->at = begin;
    redactor->text = (struct secret_text){end, is_json_string, end == redactor->text_end};
    while (redactor->at < end) {
        if (take_known(redactor)) {
            word = NULL;
        } else if (is_word(*redactor->at)) {
            if (!word && take_token(redactor)) {
                continue;
            }
            word = word ? word : redactor->at;
            redactor->at++;
        } else {
            bool is_taken = word && take_after(redactor, word);
            redactor->at += is_taken ? 0 : step_len(redactor, redactor->at);
            word = NULL;
        }
    }
}
