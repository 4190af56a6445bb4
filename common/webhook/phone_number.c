// See phone_number.h. A text is peeled from the outside: the name before an address in angle
// brackets, percent escapes, the scheme, then parameters, host and password.
#include "phone_number.h"

#include <string.h>
#include <strings.h>

#define WITHHELD_DIGITS "266696687" // "ANONYMOUS" on a keypad

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static char to_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static struct bytes_view trimmed(struct bytes_view text)
{
    while (text.len > 0 && memchr(" \t", text.data[0], 2)) {
        text = (struct bytes_view){text.data + 1, text.len - 1};
    }
    while (text.len > 0 && memchr(" \t", text.data[text.len - 1], 2)) {
        text.len--;
    }
    return text;
}

// --- digits -----------------------------------------------------------------------------------

// The length of the separator between digits at `at`; 0 if there is none. Contacts and web
// pages bring hyphens, blanks and direction marks beyond ASCII (U+00A0, U+2000 to U+2015, U+202A to
// U+202F, U+2060).
static size_t separator_len(const char *at, size_t left)
{
    const unsigned char *byte = (const unsigned char *)at;
    if (memchr(" -.()/\t", *at, 7)) {
        return 1;
    }
    if (left >= 2 && byte[0] == 0xc2 && byte[1] == 0xa0) {
        return 2;
    }
    if (left >= 3 && byte[0] == 0xe2 &&
        ((byte[1] == 0x80 && (byte[2] <= 0x95 || (byte[2] >= 0xaa && byte[2] <= 0xaf))) ||
         (byte[1] == 0x81 && byte[2] == 0xa0))) {
        return 3;
    }
    return 0;
}

// Skips the beginning of a number: separators, a + or 00. Returns whether it is international.
static bool skip_prefix(const char **at, const char *end)
{
    for (size_t len = 1; *at < end && len > 0;) {
        len = separator_len(*at, (size_t)(end - *at));
        *at += len;
    }
    if (*at < end && **at == '+') {
        ++*at;
        return true;
    }
    bool is_international = end - *at > 2 && (*at)[0] == '0' && (*at)[1] == '0';
    *at += is_international ? 2 : 0;
    return is_international;
}

// The digits of a number, and nothing if there is anything else. A zero in brackets after the
// country code, +49 (0) 30, is not dialled.
static void read_digits(struct bytes_view text, char digits[PHONE_DIGITS_MAX + 1])
{
    const char *at = text.data, *end = text.data + text.len;
    size_t count = 0;
    bool is_international = skip_prefix(&at, end);
    while (at < end) {
        size_t separator = separator_len(at, (size_t)(end - at));
        if (is_international && count > 0 && end - at >= 3 && !memcmp(at, "(0)", 3)) {
            at += 3;
        } else if (separator > 0) {
            at += separator;
        } else if (is_digit(*at) && count < PHONE_DIGITS_MAX) {
            digits[count++] = *at++;
        } else {
            count = 0;
            break;
        }
    }
    digits[count] = '\0';
}

// A user part is a number if it is written as one: `0123--17` is a name.
static void read_user_digits(struct bytes_view user, char digits[PHONE_DIGITS_MAX + 1])
{
    bool is_plain = user.len > 0;
    for (size_t i = 0; i < user.len; i++) {
        is_plain = is_plain && is_digit(user.data[i]);
    }
    digits[0] = '\0';
    if (is_plain || (user.len > 0 && user.data[0] == '+')) {
        read_digits(user, digits);
    }
}

// --- addresses --------------------------------------------------------------------------------

// Returns the content of the last angle brackets, if there are any.
static struct bytes_view without_name(struct bytes_view text)
{
    const char *open = memrchr(text.data, '<', text.len);
    if (!open) {
        return text;
    }
    size_t len = text.len - (size_t)(open + 1 - text.data);
    const char *close = memchr(open + 1, '>', len);
    return trimmed((struct bytes_view){open + 1, close ? (size_t)(close - open - 1) : len});
}

static int hex_value(char c)
{
    return is_digit(c)                                ? c - '0'
           : to_lower(c) >= 'a' && to_lower(c) <= 'f' ? to_lower(c) - 'a' + 10
                                                      : -1;
}

// In lower case; a %XX that is printable ASCII is resolved. Returns the length.
static size_t unescape(struct bytes_view text, char *out, size_t size)
{
    size_t len = 0;
    for (size_t i = 0; i < text.len && len < size; i++) {
        int high = i + 2 < text.len && text.data[i] == '%' ? hex_value(text.data[i + 1]) : -1;
        int low = high >= 0 ? hex_value(text.data[i + 2]) : -1;
        int code = high * 16 + low;
        bool is_escape = high >= 0 && low >= 0 && code >= 0x20 && code < 0x7f;
        out[len++] = to_lower(is_escape ? (char)code : text.data[i]);
        i += is_escape ? 2 : 0;
    }
    return len;
}

static bool take_scheme(struct bytes_view *text, const char *scheme)
{
    size_t len = strlen(scheme);
    if (text->len < len || memcmp(text->data, scheme, len) != 0) {
        return false;
    }
    *text = (struct bytes_view){text->data + len, text->len - len};
    return true;
}

// Cuts at the first of these characters.
static void cut_at(struct bytes_view *text, const char *characters)
{
    size_t len = 0;
    while (len < text->len && !strchr(characters, text->data[len])) {
        len++;
    }
    text->len = len;
}

static void append(struct phone_number *number, size_t *len, struct bytes_view text)
{
    size_t left = sizeof number->address - 1 - *len;
    size_t taken = text.len < left ? text.len : left;
    memcpy(number->address + *len, text.data, taken);
    *len += taken;
    number->address[*len] = '\0';
}

// `at` is the @ in `text`.
static void read_address(struct phone_number *number, struct bytes_view text, const char *at)
{
    struct bytes_view user = {text.data, (size_t)(at - text.data)};
    struct bytes_view host = {at + 1, text.len - user.len - 1};
    size_t len = 0;
    cut_at(&user, ":;");
    const char *bracket = memchr(host.data, ']', host.len); // of an IPv6 address
    if (bracket) {
        host.len = (size_t)(bracket + 1 - host.data);
    } else {
        cut_at(&host, ":;?>");
    }
    append(number, &len, user);
    append(number, &len, VIEW("@"));
    append(number, &len, trimmed(host));
    number->is_address = user.len > 0 && host.len > 0;
    read_user_digits(user, number->digits);
}

static bool is_withheld(const struct phone_number *number)
{
    const char *host = strchr(number->address, '@');
    return !strcmp(number->digits, WITHHELD_DIGITS) ||
           (number->is_address && host && !strcmp(host, "@anonymous.invalid"));
}

bool phone_number_read(struct phone_number *number, struct bytes_view text)
{
    char plain[PHONE_ADDRESS_BYTES_MAX] = "";
    size_t len = 0;
    memset(number, 0, sizeof *number);
    text = trimmed(text);
    if (text.len == 0) {
        return false;
    }
    const struct bytes_view whole = {plain, unescape(without_name(text), plain, sizeof plain)};
    struct bytes_view rest = whole;
    bool is_sip = take_scheme(&rest, "sip:") || take_scheme(&rest, "sips:");
    bool is_tel = !is_sip && take_scheme(&rest, "tel:");
    const char *at = is_tel ? NULL : memrchr(rest.data, '@', rest.len);
    if (at) {
        read_address(number, rest, at);
    } else {
        cut_at(&rest, is_sip || is_tel ? ";?>" : "");
        read_digits(rest, number->digits);
    }
    if (is_withheld(number)) {
        number->digits[0] = number->address[0] = '\0';
        number->is_address = false;
    }
    if (!number->digits[0] && !number->is_address) {
        number->address[0] = '\0';
        append(number, &len, whole);
        return false;
    }
    return true;
}

// --- comparing --------------------------------------------------------------------------------

bool phone_number_equal(const struct phone_number *a, const struct phone_number *b)
{
    if (a->digits[0] && b->digits[0]) {
        return !strcmp(a->digits, b->digits);
    }
    return a->address[0] && !strcmp(a->address, b->address);
}

bool phone_pattern_read(struct phone_pattern *pattern, struct bytes_view text)
{
    text = trimmed(text);
    pattern->is_prefix = text.len > 0 && text.data[text.len - 1] == '*';
    text.len -= pattern->is_prefix;
    if (phone_number_read(&pattern->number, text)) {
        return true;
    }
    return pattern->is_prefix; // sip:anna@* has no host yet, and sip:ann* no @
}

bool phone_pattern_matches(const struct phone_pattern *pattern, struct bytes_view text)
{
    const struct phone_number *wanted = &pattern->number;
    struct phone_number found;
    phone_number_read(&found, text);
    if (!pattern->is_prefix) {
        return phone_number_equal(wanted, &found);
    }
    if (wanted->digits[0]) {
        return !strncmp(found.digits, wanted->digits, strlen(wanted->digits));
    }
    struct bytes_view address = view_of_text(wanted->address);
    (void)(take_scheme(&address, "sip:") || take_scheme(&address, "sips:"));
    return !strncmp(found.address, address.data ? address.data : "", address.len);
}

// --- searching --------------------------------------------------------------------------------

// Do the digits stand at `at`, with or without separators between them, and end there?
static bool stand_at(const char *digits, const char *at, const char *end)
{
    size_t count = 0, len = strlen(digits);
    while (at < end && count < len) {
        size_t separator = count > 0 ? separator_len(at, (size_t)(end - at)) : 0;
        if (count > 0 && end - at >= 3 && !memcmp(at, "(0)", 3)) {
            separator = 3;
        }
        if (separator == 0 && *at != digits[count]) {
            return false;
        }
        count += separator == 0;
        at += separator > 0 ? separator : 1;
    }
    return count == len && (at == end || !is_digit(*at));
}

static bool digits_occur(const char *digits, struct bytes_view text)
{
    const char *end = text.data + text.len;
    for (const char *at = text.data; at < end; at++) {
        bool is_start = is_digit(*at) && (at == text.data || !is_digit(at[-1]));
        if (is_start &&
            (stand_at(digits, at, end) ||
             (end - at > 2 && at[0] == '0' && at[1] == '0' && stand_at(digits, at + 2, end)))) {
            return true;
        }
    }
    return false;
}

bool phone_number_occurs(const struct phone_number *number, struct bytes_view text)
{
    if (number->digits[0]) {
        return digits_occur(number->digits, text);
    }
    size_t len = strlen(number->address);
    for (size_t i = 0; number->is_address && i + len <= text.len; i++) {
        if (!strncasecmp(text.data + i, number->address, len)) {
            return true;
        }
    }
    return false;
}
