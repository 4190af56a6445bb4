// See json.h. A strict scanner walks the text once, by RFC 8259, and notes where the outermost
// members stand; only a text that passes is given to cJSON. The scanner is ours because it is the
// border: cJSON by design takes more than JSON.
#include "json.h"

#include "memory.h"
#include "utf8.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_BYTES_MAX 63 // cJSON 1.7.15 does not understand longer ones

struct scanner {
    const char *at, *end;
    unsigned depth;
    const char *problem;
    struct json_document *document; // where the outermost members are noted
};

static bool scan_value(struct scanner *scanner);

static bool fail(struct scanner *scanner, const char *problem)
{
    if (!scanner->problem) {
        scanner->problem = problem;
    }
    return false;
}

static void skip_space(struct scanner *scanner)
{
    while (scanner->at < scanner->end && memchr(" \t\n\r", *scanner->at, 4)) {
        scanner->at++;
    }
}

static bool take(struct scanner *scanner, char c)
{
    if (scanner->at < scanner->end && *scanner->at == c) {
        scanner->at++;
        return true;
    }
    return false;
}

// --- strings ----------------------------------------------------------------------------------

static bool take_hex(struct scanner *scanner, unsigned *code)
{
    *code = 0;
    if (scanner->end - scanner->at < 4) {
        return false;
    }
    for (int i = 0; i < 4; i++) {
        static const char DIGITS[] = "0123456789abcdef";
        const char *digit = memchr(DIGITS, *scanner->at | 0x20, 16);
        if (!digit || (*scanner->at < 'A' && *scanner->at > '9') || *scanner->at < '0') {
            return false;
        }
        *code = *code * 16 + (unsigned)(digit - DIGITS);
        scanner->at++;
    }
    return true;
}

static bool scan_escape(struct scanner *scanner)
{
    unsigned code = 0, second = 0;
    if (scanner->at == scanner->end) {
        return fail(scanner, "a string does not end");
    }
    char c = *scanner->at++;
    if (c != 'u') {
        return memchr("\"\\/bfnrt", c, 8) ? true : fail(scanner, "a string has an unknown escape");
    }
    if (!take_hex(scanner, &code)) {
        return fail(scanner, "a \\u escape needs four hex digits");
    }
    if (code == 0) {
        return fail(scanner, "\\u0000 is not accepted");
    }
    if (code >= 0xd800 && code <= 0xdfff &&
        (code >= 0xdc00 || !take(scanner, '\\') || !take(scanner, 'u') ||
         !take_hex(scanner, &second) || second < 0xdc00 || second > 0xdfff)) {
        return fail(scanner, "a \\u escape is half of a surrogate pair");
    }
    return true;
}

static bool scan_string(struct scanner *scanner)
{
    scanner->at++; // the quote
    while (scanner->at < scanner->end) {
        unsigned char c = (unsigned char)*scanner->at;
        if (c == '"') {
            scanner->at++;
            return true;
        }
        if (c < 0x20) {
            return fail(scanner, "a string has a control byte");
        }
        if (c == '\\') {
            scanner->at++;
            if (!scan_escape(scanner)) {
                return false;
            }
        } else {
            size_t len = utf8_len(scanner->at, (size_t)(scanner->end - scanner->at));
            if (len == 0) {
                return fail(scanner, "the text is not UTF-8");
            }
            scanner->at += len;
        }
    }
    return fail(scanner, "a string does not end");
}

// --- other values -----------------------------------------------------------------------------

static bool take_digits(struct scanner *scanner)
{
    const char *begin = scanner->at;
    while (scanner->at < scanner->end && *scanner->at >= '0' && *scanner->at <= '9') {
        scanner->at++;
    }
    return scanner->at > begin;
}

static bool scan_number(struct scanner *scanner)
{
    const char *begin = scanner->at;
    take(scanner, '-');
    if (!take(scanner, '0') && !take_digits(scanner)) {
        return fail(scanner, "a number has no digits");
    }
    if (take(scanner, '.') && !take_digits(scanner)) {
        return fail(scanner, "a number has no digits behind its point");
    }
    if (take(scanner, 'e') || take(scanner, 'E')) {
        if (!take(scanner, '+')) {
            take(scanner, '-');
        }
        if (!take_digits(scanner)) {
            return fail(scanner, "a number has no digits in its exponent");
        }
    }
    return scanner->at - begin <= NUMBER_BYTES_MAX
               ? true
               : fail(scanner, "a number is longer than 63 characters");
}

static bool scan_word(struct scanner *scanner, const char *word)
{
    size_t len = strlen(word);
    if ((size_t)(scanner->end - scanner->at) < len || memcmp(scanner->at, word, len) != 0) {
        return fail(scanner, "there is a word that is no JSON");
    }
    scanner->at += len;
    return true;
}

static bool scan_array(struct scanner *scanner)
{
    scanner->at++;
    skip_space(scanner);
    if (take(scanner, ']')) {
        return true;
    }
    do {
        if (!scan_value(scanner)) {
            return false;
        }
        skip_space(scanner);
    } while (take(scanner, ','));
    return take(scanner, ']') ? true : fail(scanner, "an array does not end");
}

static bool note_member(struct scanner *scanner, struct bytes_view key, struct bytes_view value)
{
    struct json_document *document = scanner->document;
    if (scanner->depth > 1) {
        return true;
    }
    if (document->member_count == JSON_MEMBERS_MAX) {
        return fail(scanner, "the object has too many members");
    }
    document->members[document->member_count++] = (struct json_member){key, value};
    return true;
}

static bool scan_member(struct scanner *scanner)
{
    skip_space(scanner);
    if (scanner->at == scanner->end || *scanner->at != '"') {
        return fail(scanner, "a member has no name in quotes");
    }
    const char *key = scanner->at + 1;
    if (!scan_string(scanner)) {
        return false;
    }
    size_t key_len = (size_t)(scanner->at - 1 - key);
    skip_space(scanner);
    if (!take(scanner, ':')) {
        return fail(scanner, "a member has no colon");
    }
    skip_space(scanner);
    const char *value = scanner->at;
    return scan_value(scanner) &&
           note_member(scanner, (struct bytes_view){key, key_len},
                       (struct bytes_view){value, (size_t)(scanner->at - value)});
}

static bool scan_object(struct scanner *scanner)
{
    scanner->at++;
    skip_space(scanner);
    if (take(scanner, '}')) {
        return true;
    }
    do {
        if (!scan_member(scanner)) {
            return false;
        }
        skip_space(scanner);
    } while (take(scanner, ','));
    return take(scanner, '}') ? true : fail(scanner, "an object does not end");
}

static bool scan_value(struct scanner *scanner)
{
    skip_space(scanner);
    if (scanner->at == scanner->end) {
        return fail(scanner, "the text ends too early");
    }
    char c = *scanner->at;
    if (c == '{' || c == '[') {
        if (scanner->depth == JSON_DEPTH_MAX) {
            return fail(scanner, "it is nested deeper than 32");
        }
        scanner->depth++;
        bool is_good = c == '{' ? scan_object(scanner) : scan_array(scanner);
        scanner->depth--;
        return is_good;
    }
    if (c == '"') {
        return scan_string(scanner);
    }
    if (c == '-' || (c >= '0' && c <= '9')) {
        return scan_number(scanner);
    }
    return scan_word(scanner, c == 't' ? "true" : c == 'f' ? "false" : "null");
}

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

const char *json_parse(struct json_document *document, struct bytes_view text)
{
    document->tree = NULL;
    document->member_count = 0;
    document->failed_at = text.data;
    if (text.len == 0) {
        return "there is no text";
    }
    struct scanner scanner = {.at = text.data, .end = text.data + text.len, .document = document};
    skip_space(&scanner);
    if (scanner.at < scanner.end && *scanner.at != '{') {
        return "it is not a JSON object";
    }
    if (scan_value(&scanner)) {
        skip_space(&scanner);
        if (scanner.at < scanner.end) {
            fail(&scanner, "there is something behind the object");
        }
    }
    if (!scanner.problem) {
        document->tree = cJSON_ParseWithLength(text.data, text.len);
        scanner.problem = !document->tree                    ? "it is not understood"
                          : has_repeated_key(document->tree) ? "a field is repeated"
                                                             : NULL;
    }
    document->failed_at = scanner.at;
    if (scanner.problem) {
        json_release(document);
    }
    return scanner.problem;
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

// What stands for the byte at `at`, or the sequence there; NULL: itself. `*len` is how long it is.
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
    size_t plain = 0; // where the bytes begin that need no escape
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
