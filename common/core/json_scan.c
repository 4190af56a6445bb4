// See json_scan.h. A recursive descent over the grammar; nothing is copied.
#include "json_scan.h"

#include "utf8.h"

#include <string.h>

struct scanner {
    const char *at, *end;
    unsigned depth;
    const char *problem;
    struct json_scan *scan;
};

static bool scan_value(struct scanner *scanner);

static bool fail(struct scanner *scanner, const char *problem)
{
    if (!scanner->problem) {
        scanner->problem = problem;
    }
    return false;
}

// A strict scan fails at this; a lenient one notes it.
static bool flaw(struct scanner *scanner, enum json_flaw bit, const char *problem)
{
    scanner->scan->flaws |= bit;
    return scanner->scan->is_lenient || fail(scanner, problem);
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

bool json_read_hex(const char *at, const char *end, unsigned *code)
{
    *code = 0;
    if (end - at < 4) {
        return false;
    }
    for (int i = 0; i < 4; i++, at++) {
        static const char DIGITS[] = "0123456789abcdef";
        const char *digit = memchr(DIGITS, *at | 0x20, 16);
        if (!digit || (*at < 'A' && *at > '9') || *at < '0') {
            return false;
        }
        *code = *code * 16 + (unsigned)(digit - DIGITS);
    }
    return true;
}

static bool take_hex(struct scanner *scanner, unsigned *code)
{
    bool is_hex = json_read_hex(scanner->at, scanner->end, code);
    scanner->at += is_hex ? 4 : 0;
    return is_hex;
}

// The second half of a surrogate pair; takes nothing if it is not there.
static bool take_low_surrogate(struct scanner *scanner)
{
    const char *before = scanner->at;
    unsigned code = 0;
    if (take(scanner, '\\') && take(scanner, 'u') && take_hex(scanner, &code) && code >= 0xdc00 &&
        code <= 0xdfff) {
        return true;
    }
    scanner->at = before;
    return false;
}

static bool scan_escape(struct scanner *scanner)
{
    unsigned code = 0;
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
        return flaw(scanner, JSON_FLAW_NUL, "\\u0000 is not accepted");
    }
    if (code >= 0xd800 && code <= 0xdfff && (code >= 0xdc00 || !take_low_surrogate(scanner))) {
        return flaw(scanner, JSON_FLAW_SURROGATE, "a \\u escape is half of a surrogate pair");
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
            if (len == 0 && !flaw(scanner, JSON_FLAW_UTF8, "the text is not UTF-8")) {
                return false;
            }
            scanner->at += len > 0 ? len : 1;
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
    return scanner->at - begin <= JSON_NUMBER_BYTES_MAX ||
           flaw(scanner, JSON_FLAW_NUMBER, "a number is longer than 63 characters");
}

static bool scan_word(struct scanner *scanner, const char *word)
{
    size_t len = strlen(word);
    if ((size_t)(scanner->end - scanner->at) < len || memcmp(scanner->at, word, len) != 0) {
        return fail(scanner, "there is a word that is not JSON");
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

// `flaws_before` are those that the text had before this member.
static bool report_member(struct scanner *scanner, struct bytes_view key, struct bytes_view value,
                          unsigned flaws_before)
{
    struct json_scan *scan = scanner->scan;
    const char *problem = NULL;
    if (scanner->depth == 1 && scan->on_member) {
        problem = scan->on_member(key, value, scan->flaws, scan->arg);
    }
    scan->flaws |= flaws_before;
    return problem ? fail(scanner, problem) : true;
}

static bool scan_member(struct scanner *scanner)
{
    unsigned flaws_before = scanner->scan->flaws;
    skip_space(scanner);
    if (scanner->at == scanner->end || *scanner->at != '"') {
        return fail(scanner, "a member has no name in quotes");
    }
    const char *key = scanner->at + 1;
    scanner->scan->flaws = scanner->depth == 1 ? 0 : flaws_before;
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
           report_member(scanner, (struct bytes_view){key, key_len},
                         (struct bytes_view){value, (size_t)(scanner->at - value)}, flaws_before);
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

// --- the whole --------------------------------------------------------------------------------

const char *json_scan(struct json_scan *scan, struct bytes_view text)
{
    scan->flaws = 0;
    scan->failed_at = text.data;
    if (text.len == 0) { // `data` may be NULL
        return "there is no text";
    }
    struct scanner scanner = {.at = text.data, .end = text.data + text.len, .scan = scan};
    skip_space(&scanner);
    if (scanner.at < scanner.end && *scanner.at != '{') {
        return "it is not a JSON object";
    }
    if (scan_value(&scanner)) {
        skip_space(&scanner);
        if (scanner.at < scanner.end) {
            fail(&scanner, "there are bytes after the object");
        }
    }
    scan->failed_at = scanner.at;
    return scanner.problem;
}

bool json_take_element(struct bytes_view *rest, struct bytes_view *element)
{
    struct json_scan scan = {.is_lenient = true};
    const char *end = rest->data + rest->len;
    struct scanner scanner = {.at = rest->data, .end = end, .depth = 1, .scan = &scan};
    skip_space(&scanner);
    if (!take(&scanner, '[') && !take(&scanner, ',')) {
        return false;
    }
    skip_space(&scanner);
    const char *begin = scanner.at;
    if (begin == end || *begin == ']' || !scan_value(&scanner)) {
        return false;
    }
    *element = (struct bytes_view){begin, (size_t)(scanner.at - begin)};
    *rest = (struct bytes_view){scanner.at, (size_t)(end - scanner.at)};
    return true;
}
