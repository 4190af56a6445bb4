// See redact.h. JSON, whole or cut, is walked by its structure, so that names are known
// with their escapes resolved, and JSON stays JSON. The insides of its strings are searched as text
// (redactor.c), since they may hold anything, JSON included; and so is all that turns out, perhaps
// only at its end, to be no JSON: the walk is then forgotten and the search begins anew.
#include "redact.h"

#include "redactor.h"
#include "secret_form.h"
#include "secret_name.h"

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
    if (redactor->is_survey) {
        // only the structure counts
    } else if (is_secret && end > begin) {
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
        if (secret_match(redactor->secrets, &text, at) > 0) {
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
    if (redactor->is_survey) {
        return true;
    }
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

// --- pairs ------------------------------------------------------------------------------------

// What is known of an object that may be a pair of a secret's name and its value.
struct pair {
    size_t index; // of the object
    bool has_name, is_secret, has_value;
};

static bool is_pair(const struct redactor *redactor, const struct pair *pair)
{
    const struct bytes *bits = &redactor->pairs;
    return pair->index / 8 < bits->len &&
           ((unsigned char)bits->data[pair->index / 8] >> pair->index % 8 & 1);
}

static void note_pair(struct redactor *redactor, const struct pair *pair, bool is_cut)
{
    struct bytes *bits = &redactor->pairs;
    bool is_one = pair->has_value && (pair->is_secret || (is_cut && !pair->has_name));
    if (!redactor->is_survey || !is_one) {
        return;
    }
    while (bits->len <= pair->index / 8 && bytes_append(bits, "", 1)) {
    }
    bits->data[pair->index / 8] |= (char)(1 << pair->index % 8);
}

// `value` is the text of the member's value.
static void note_member(struct pair *pair, struct bytes_view name, struct bytes_view value)
{
    bool is_string = value.len > 1 && value.data[0] == '"';
    pair->has_value |= view_equal_ignoring_case(name, "value");
    if (secret_is_pair_name(name) && is_string) {
        pair->has_name = true;
        pair->is_secret |= secret_is_name((struct bytes_view){value.data + 1, value.len - 2});
    }
}

// --- objects and lists ------------------------------------------------------------------------

// The name and the colon of a member.
static bool walk_name(struct redactor *redactor, struct bytes_view *name)
{
    if (!is_at(redactor, '"') || !walk_string(redactor, false, name)) {
        return is_at_end(redactor);
    }
    bool is_good = is_at(redactor, ':') || is_at_end(redactor);
    redactor->at += is_at(redactor, ':');
    return is_good;
}

static bool walk_member(struct redactor *redactor, unsigned depth, struct pair *pair)
{
    struct bytes_view name = {NULL, 0};
    if (!walk_name(redactor, &name)) {
        return false;
    }
    bool is_secret = secret_is_name(name) ||
                     (view_equal_ignoring_case(name, "value") && is_pair(redactor, pair));
    const char *begin = skip_blanks(redactor);
    bool is_good = walk_value(redactor, is_secret, depth);
    note_member(pair, name, (struct bytes_view){begin, (size_t)(redactor->at - begin)});
    return is_good;
}

static bool walk_container(struct redactor *redactor, bool is_secret, unsigned depth)
{
    bool is_object = *redactor->at++ == '{';
    char closing = is_object ? '}' : ']';
    struct pair pair = {.index = redactor->object_count};
    redactor->object_count += is_object;
    if (is_at(redactor, closing)) {
        redactor->at++;
        return true;
    }
    while (true) {
        bool is_good = is_object ? walk_member(redactor, depth, &pair)
                                 : walk_value(redactor, is_secret, depth);
        bool is_cut = is_at_end(redactor);
        char c = is_good && !is_cut ? *redactor->at++ : ',';
        if (!is_good || is_cut || c == closing) {
            note_pair(redactor, &pair, is_cut);
            return is_good;
        }
        if (c != ',') {
            return false;
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

static bool has_word(struct bytes_view text, const char *word)
{
    return memmem(text.data, text.len, word, strlen(word));
}

// The name of a pair may come after its value: so the pairs are found first.
static void find_pairs(struct redactor *redactor, struct bytes_view text)
{
    bytes_init(&redactor->pairs, text.len / 8 + 1);
    if (has_word(text, "alue") || has_word(text, "ALUE")) {
        redactor->is_survey = true;
        walk(redactor);
        redactor->is_survey = false;
        redactor->object_count = 0;
        redactor->at = text.data;
    }
}

static void start_again(struct redactor *redactor, struct bytes_view text, size_t out_len)
{
    redactor->is_full = false;
    redactor->plain = text.data;
    if (redactor->out->data) {
        redactor->out->len = out_len;
        redactor->out->data[out_len] = '\0';
    }
}

void redact(struct bytes_view text, const struct redact_secrets *secrets, struct bytes *out)
{
    if (text.len == 0) {
        return;
    }
    size_t len_before = out->len;
    struct redactor redactor = {.at = text.data,
                                .plain = text.data,
                                .text_end = text.data + text.len,
                                .secrets = secrets,
                                .out = out};
    find_pairs(&redactor, text);
    if (!walk(&redactor)) {
        start_again(&redactor, text, len_before);
        redactor_search(&redactor, text.data, redactor.text_end, false);
    }
    redactor_emit_until(&redactor, redactor.text_end);
    bytes_release(&redactor.pairs);
}
