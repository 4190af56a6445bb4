// See redact.h. JSON, whole or cut, is walked by its structure, so that names are known
// with their escapes resolved, and JSON stays JSON. The insides of its strings are searched as text
// (redactor.c), since they may hold anything, JSON included; and so is all that turns out, perhaps
// only at its end, to be no JSON: the walk is then forgotten and the search begins anew.
#include "redact.h"

#include "redactor.h"

#include <string.h>

#define WALK_DEPTH_MAX 1000

// Each of these starts at the first byte of its part and moves past it, or to the end of a text
// that was cut. Returns false if the text is not JSON.
static bool walk_value(struct redactor *redactor, bool is_secret, unsigned depth);

// Does a good escape sequence, or the beginning of one that was cut, stand at `at`?
static bool is_escape(const char *at, const char *end)
{
    if (at + 1 == end) {
        return true;
    }
    const char *digits_end = at + secret_unit_len(at, end);
    return at[1] && strchr("\"\\/bfnrtu", at[1]) &&
           (at[1] != 'u' ||
            redactor_skip(at + 2, digits_end, "0123456789abcdefABCDEF") == digits_end);
}

static bool walk_string(struct redactor *redactor, bool is_secret, struct bytes_view *content)
{
    const char *begin = redactor->at + 1, *end = begin;
    while (end < redactor->text_end && *end != '"') {
        if ((unsigned char)*end < 0x20 || (*end == '\\' && !is_escape(end, redactor->text_end))) {
            return false;
        }
        end += *end == '\\' ? secret_unit_len(end, redactor->text_end) : 1;
    }
    if (is_secret && end > begin) {
        redactor_hide(redactor, begin, end);
    } else {
        redactor_search(redactor, begin, end, true);
    }
    *content = (struct bytes_view){begin, (size_t)(end - begin)};
    redactor->at = end < redactor->text_end ? end + 1 : end;
    return true;
}

static bool is_known_within(struct redactor *redactor, const char *begin, const char *end)
{
    const struct secret_text text = {end, false, end == redactor->text_end};
    for (const char *at = begin; at < end; at++) {
        if (redactor->values.may_begin[(unsigned char)*at] &&
            secret_match(&redactor->values, &text, at) > 0) {
            return true;
        }
    }
    return false;
}

// A number or a word. It may be a malformed one: only its characters are checked.
static bool walk_scalar(struct redactor *redactor, bool is_secret)
{
    const char *begin = redactor->at;
    const char *end = redactor_skip(begin, redactor->text_end, "+-.0123456789Eaeflnrstu");
    bool is_null = view_equal_text((struct bytes_view){begin, (size_t)(end - begin)}, "null");
    if (end == begin) {
        return false;
    }
    redactor->at = end;
    if ((is_secret && !is_null) || is_known_within(redactor, begin, end)) {
        redactor_emit_until(redactor, begin);
        redactor_emit(redactor, "\"", 1);
        redactor_hide(redactor, begin, end);
        redactor_emit(redactor, "\"", 1);
    }
    return true;
}

static const char *skip_blanks(struct redactor *redactor)
{
    if (redactor->at < redactor->text_end && *redactor->at <= ' ') {
        redactor->at = redactor_skip(redactor->at, redactor->text_end, " \t\r\n");
    }
    return redactor->at;
}

static bool is_at(struct redactor *redactor, char c)
{
    return skip_blanks(redactor) < redactor->text_end && *redactor->at == c;
}

static bool is_at_end(struct redactor *redactor)
{
    return skip_blanks(redactor) == redactor->text_end;
}

// The name and the colon of a member.
static bool walk_name(struct redactor *redactor, bool *is_secret)
{
    struct bytes_view name;
    if (!is_at(redactor, '"') || !walk_string(redactor, false, &name)) {
        return is_at_end(redactor);
    }
    *is_secret = secret_is_name(name);
    bool is_good = is_at(redactor, ':') || is_at_end(redactor);
    redactor->at += is_at(redactor, ':');
    return is_good;
}

static bool walk_container(struct redactor *redactor, bool is_secret, unsigned depth)
{
    bool is_object = *redactor->at++ == '{';
    char closing = is_object ? '}' : ']';
    if (is_at(redactor, closing)) {
        redactor->at++;
        return true;
    }
    while (true) {
        bool is_member_secret = is_secret;
        if ((is_object && !walk_name(redactor, &is_member_secret)) ||
            !walk_value(redactor, is_member_secret, depth)) {
            return false;
        }
        if (is_at_end(redactor)) {
            return true;
        }
        char c = *redactor->at++;
        if (c == closing || c != ',') {
            return c == closing;
        }
    }
}

static bool walk_value(struct redactor *redactor, bool is_secret, unsigned depth)
{
    struct bytes_view content;
    if (is_at_end(redactor)) {
        return true;
    }
    if ((*redactor->at == '{' || *redactor->at == '[')) {
        return depth < WALK_DEPTH_MAX && walk_container(redactor, is_secret, depth + 1);
    }
    return *redactor->at == '"' ? walk_string(redactor, is_secret, &content)
                                : walk_scalar(redactor, is_secret);
}

static bool walk(struct redactor *redactor)
{
    return walk_value(redactor, false, 0) && is_at_end(redactor);
}

void redact(struct bytes_view text, const struct redact_secrets *secrets, struct bytes *out)
{
    if (text.len == 0) {
        return;
    }
    size_t len_before = out->len;
    struct redactor redactor = {.at = text.data, .plain = text.data, .out = out};
    redactor.text_end = text.data + text.len;
    secret_values_init(&redactor.values, secrets);
    if (!walk(&redactor)) {
        redactor.is_full = false;
        redactor.plain = text.data;
        if (out->data) {
            out->len = len_before;
            out->data[len_before] = '\0';
        }
        redactor_search(&redactor, text.data, redactor.text_end, false);
    }
    redactor_emit_until(&redactor, redactor.text_end);
}
