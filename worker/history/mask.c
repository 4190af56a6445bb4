// See mask.h. One pass: at each place the longest token that must stay (a UUID, a hex digest, a
// date) is copied, else the longest number is shortened.
#include "mask.h"

#include "memory.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ELLIPSIS "\xe2\x80\xa6"
#define WHOLE_DIGITS_MIN 10 // a number so long keeps its first digit and its last four
#define SEPARATORS_MAX 3    // between two digits of one number: "+1 (415) 555-0100"
#define DEPTH_MAX 3         // JSON within a text of JSON

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

// --- what stays ---------------------------------------------------------------------------------

// Does the text match a pattern of x (hex digit), d (digit) and literal characters?
static bool matches(struct bytes_view text, const char *pattern)
{
    size_t len = strlen(pattern);
    if (text.len < len) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        const unsigned char c = (unsigned char)text.data[i];
        bool fits = pattern[i] == 'x'   ? isxdigit(c) != 0
                    : pattern[i] == 'd' ? isdigit(c) != 0
                                        : c == (unsigned char)pattern[i];
        if (!fits) {
            return false;
        }
    }
    return true;
}

static size_t count_of_hex(struct bytes_view text)
{
    size_t len = 0;
    while (len < text.len && isxdigit((unsigned char)text.data[len])) {
        len++;
    }
    return len;
}

// +1.415.555.0100 is none: its second part is above 255.
static size_t ip4_len(struct bytes_view rest)
{
    char address[INET_ADDRSTRLEN];
    struct in_addr ip4;
    size_t len = 0;
    while (len < rest.len && (isdigit((unsigned char)rest.data[len]) || rest.data[len] == '.')) {
        len++;
    }
    if (len == 0 || len >= sizeof address) {
        return 0;
    }
    view_copy((struct bytes_view){rest.data, len}, address, sizeof address);
    return inet_pton(AF_INET, address, &ip4) == 1 ? len : 0;
}

// The length of a UUID, a digest, a date or an IPv4 address that begins here; 0: none.
static size_t kept_len(struct bytes_view rest)
{
    static const char UUID[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    size_t len = 0;
    size_t hex = count_of_hex(rest);
    if (matches(rest, UUID)) {
        len = sizeof UUID - 1;
    } else if (hex == 32 || hex == 64) {
        len = hex;
    } else if (matches(rest, "20dd-dd-dd")) {
        len = sizeof "20dd-dd-dd" - 1;
        const struct bytes_view time = {rest.data + len, rest.len - len};
        len += matches(time, "Tdd:dd:dd") ? sizeof "Tdd:dd:dd" - 1 : 0;
    } else {
        len = ip4_len(rest);
    }
    return len > 0 && (len == rest.len || !is_word(rest.data[len])) ? len : 0;
}

// --- what is hidden -----------------------------------------------------------------------------

// The length of a digit at the beginning, plain or as JSON escapes it; 0: there is none.
static size_t digit_len(struct bytes_view rest, char *digit)
{
    if (rest.len > 0 && isdigit((unsigned char)rest.data[0])) {
        *digit = rest.data[0];
        return 1;
    }
    if (matches(rest, "\\u003d")) {
        *digit = rest.data[5];
        return 6;
    }
    return 0;
}

static struct bytes_view from(struct bytes_view text, size_t at)
{
    return (struct bytes_view){text.data + at, text.len - at};
}

struct number {
    size_t len, digits;
    char first, last[5]; // the last four
};

static void add_digit(struct number *number, char digit)
{
    number->first = number->digits == 0 ? digit : number->first;
    number->digits++;
    memmove(number->last, number->last + 1, 3);
    number->last[3] = digit;
}

// The longest number that begins here: digits with few separators between them.
static struct number number_at(struct bytes_view rest)
{
    struct number number = {0};
    size_t at = 0;
    char digit = 0;
    for (size_t gap = 0; at < rest.len && gap <= SEPARATORS_MAX;) {
        size_t len = digit_len(from(rest, at), &digit);
        if (len > 0) {
            add_digit(&number, digit);
            at += len;
            number.len = at;
            gap = 0;
        } else if (number.digits > 0 && strchr(" -.()/", rest.data[at]) && rest.data[at]) {
            gap++;
            at++;
        } else {
            break;
        }
    }
    return number;
}

static void append_hidden(const struct number *number, struct bytes *out)
{
    bool is_whole = number->digits >= WHOLE_DIGITS_MIN;
    if (is_whole) {
        bytes_append(out, &number->first, 1);
    }
    bytes_append_text(out, ELLIPSIS);
    bytes_append(out, number->last + (is_whole ? 0 : 2), is_whole ? 4 : 2);
}

// The length of `user` of an address user@host that begins here; 0: none does.
static size_t user_len(struct bytes_view rest)
{
    size_t len = 0;
    while (len < rest.len && (unsigned char)rest.data[len] > ' ' &&
           !strchr("<>\"'@,;()[]{}\\/", rest.data[len])) {
        len++;
    }
    bool is_address = len > 0 && len + 1 < rest.len && rest.data[len] == '@' &&
                      (is_word(rest.data[len + 1]) || rest.data[len + 1] == '[');
    return is_address ? len : 0;
}

static size_t scheme_len(struct bytes_view rest)
{
    size_t colon = 0;
    while (colon < rest.len && isalpha((unsigned char)rest.data[colon])) {
        colon++;
    }
    return colon > 0 && colon < rest.len && rest.data[colon] == ':' ? colon + 1 : 0;
}

// Hides what begins at this place, at a word's beginning; returns its length, or 0.
static size_t hide_address(struct bytes_view rest, struct bytes *out)
{
    size_t scheme = scheme_len(rest);
    size_t user = user_len(from(rest, scheme));
    if (user == 0) {
        return 0;
    }
    bytes_append(out, rest.data, scheme);
    bytes_append_text(out, ELLIPSIS);
    return scheme + user;
}

static size_t mask_next(struct bytes_view text, size_t at, struct bytes *out)
{
    const struct bytes_view rest = from(text, at);
    bool begins_word = at == 0 || !is_word(text.data[at - 1]);
    size_t kept = begins_word ? kept_len(rest) : 0;
    if (kept > 0) {
        bytes_append(out, rest.data, kept);
        return kept;
    }
    size_t address = begins_word ? hide_address(rest, out) : 0;
    if (address > 0) {
        return address;
    }
    const struct number number = number_at(rest);
    if (number.digits >= MASK_DIGITS_MIN) {
        append_hidden(&number, out);
        return number.len;
    }
    size_t len = number.digits > 0 ? number.len : 1;
    bytes_append(out, rest.data, len);
    return len;
}

void mask_text(struct bytes_view text, struct bytes *out)
{
    for (size_t at = 0; at < text.len;) {
        at += mask_next(text, at, out);
    }
}

// --- trees --------------------------------------------------------------------------------------

static bool is_entry_id(const char *text)
{
    size_t ms = strspn(text, "0123456789");
    return ms == 13 && text[ms] == '-' && text[ms + 1] &&
           strspn(text + ms + 1, "0123456789") == strlen(text + ms + 1);
}

// May the member of this name keep its text as it is?
static bool is_kept(const char *name, const char *text)
{
    static const char *const NAMES[] = {"session_id", "sha256", "worker", "timestamp", "prefix"};
    static const char *const ENTRIES[] = {"id",        "entry",      "intent",
                                          "replay_of", "from_entry", "to_entry"};
    for (size_t i = 0; name && i < sizeof NAMES / sizeof NAMES[0]; i++) {
        if (!strcmp(NAMES[i], name)) {
            return true;
        }
    }
    for (size_t i = 0; name && i < sizeof ENTRIES / sizeof ENTRIES[0]; i++) {
        if (!strcmp(ENTRIES[i], name)) {
            return is_entry_id(text);
        }
    }
    return false;
}

static void mask_value(cJSON *value, unsigned depth, bool is_callers);

// Masks a text that is JSON as JSON, or returns NULL; the caller frees the text.
static char *masked_json(const char *text, unsigned depth)
{
    struct bytes out;
    if ((text[0] != '{' && text[0] != '[') || depth >= DEPTH_MAX) {
        return NULL;
    }
    cJSON *tree = cJSON_Parse(text);
    if (!tree) {
        return NULL;
    }
    mask_value(tree, depth + 1, true);
    bytes_init(&out, 16UL * 1024 * 1024);
    bool is_printed = json_print(tree, &out);
    cJSON_Delete(tree);
    char *masked = is_printed ? memory_text(bytes_text(&out)) : NULL;
    bytes_release(&out);
    return masked;
}

static void set_text(cJSON *value, const char *text)
{
    cJSON *masked = cJSON_CreateString(text);
    char *old = value->valuestring;
    value->type = (value->type & ~0xff) | cJSON_String;
    value->valuestring = masked->valuestring;
    masked->valuestring = NULL;
    cJSON_Delete(masked);
    cJSON_free(old);
}

static void mask_string(cJSON *value, unsigned depth)
{
    struct bytes out;
    char *json = masked_json(value->valuestring, depth);
    if (json) {
        set_text(value, json);
        free(json);
        return;
    }
    bytes_init(&out, strlen(value->valuestring) * 2 + 64);
    mask_text(view_of_text(value->valuestring), &out);
    if (strcmp(bytes_text(&out), value->valuestring) != 0) {
        set_text(value, bytes_text(&out));
    }
    bytes_release(&out);
}

// A number in what a caller or an agent has sent; ours are times, counts and spans.
static void mask_number(cJSON *value)
{
    struct bytes text;
    bool is_time = value->string && !strcmp(value->string, "exp");
    if (is_time || fabs(value->valuedouble) < 1e6) {
        return;
    }
    bytes_init(&text, 256);
    bytes_printf(&text, "%.0f", value->valuedouble);
    struct bytes hidden;
    bytes_init(&hidden, 256);
    mask_text(bytes_view(&text), &hidden);
    set_text(value, bytes_text(&hidden));
    bytes_release(&text);
    bytes_release(&hidden);
}

// A member's name may be a number too.
static void mask_name(cJSON *value)
{
    struct bytes out;
    if (!value->string || (value->type & cJSON_StringIsConst)) {
        return;
    }
    bytes_init(&out, strlen(value->string) * 2 + 64);
    mask_text(view_of_text(value->string), &out);
    if (strcmp(bytes_text(&out), value->string) != 0) {
        cJSON *masked = cJSON_CreateString(bytes_text(&out));
        cJSON_free(value->string);
        value->string = masked->valuestring;
        masked->valuestring = NULL;
        cJSON_Delete(masked);
    }
    bytes_release(&out);
}

static void mask_value(cJSON *value, unsigned depth, bool is_callers)
{
    for (cJSON *child = value->child; child; child = child->next) {
        mask_value(child, depth, is_callers);
    }
    bool keeps = !is_callers && value->valuestring && is_kept(value->string, value->valuestring);
    if (cJSON_IsString(value) && value->valuestring && !keeps &&
        !(is_callers && value->string && !strcmp(value->string, "sessionId"))) {
        mask_string(value, depth);
    } else if (cJSON_IsNumber(value) && is_callers) {
        mask_number(value);
    }
    mask_name(value);
}

void mask_tree(cJSON *tree)
{
    mask_value(tree, 0, false);
}
