// See secret_form.h. Two layers: escapes of JSON, and on top of them those of URLs and HTML.
#include "secret_form.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define BACKSLASHES_MAX 8
#define UNICODE_ESCAPE_LEN 6
#define ENTITY_CHARACTERS_MAX 10 // between & and ;

static const char CONTROLS[] = "\b\f\n\r\t", CONTROL_LETTERS[] = "bfnrt";

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

// Can more than the character itself begin with it?
static bool may_be_form(char c)
{
    return c == '\\' || c == '%' || c == '&' || c == '+';
}

size_t secret_unit_len(const char *at, const char *end)
{
    size_t len = *at != '\\' ? 1 : at + 1 < end && at[1] == 'u' ? UNICODE_ESCAPE_LEN : 2;
    return smaller(len, (size_t)(end - at));
}

// --- JSON -------------------------------------------------------------------------------------

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

// The code of `letter` and `count` hexadecimal digits at `at`; -1 if they are not there.
static int32_t hex_escape(char letter, int count, const char *at, const char *end)
{
    int32_t code = 0;
    if (end - at <= count || *at != letter) {
        return -1;
    }
    for (int i = 1; i <= count; i++) {
        int digit = hex_digit(at[i]);
        if (digit < 0) {
            return -1;
        }
        code = code * 16 + digit;
    }
    return code;
}

int32_t secret_unicode_escape(const char *at, const char *end)
{
    return hex_escape('u', UNICODE_ESCAPE_LEN - 2, at, end);
}

static const char *skip_backslashes(const char *at, const char *end)
{
    const char *behind = at;
    while (behind < end && *behind == '\\' && behind - at < BACKSLASHES_MAX) {
        behind++;
    }
    return behind;
}

// The code of a \u escape, of two of them for one character, or of \x; -1 if there is none. `at`
// is after the backslashes. Gives its length.
static int32_t escaped_code(const char *at, const char *end, size_t *len)
{
    int32_t code = secret_unicode_escape(at, end);
    *len = UNICODE_ESCAPE_LEN - 1;
    if (code >= 0xd800 && code < 0xdc00) {
        const char *second = skip_backslashes(at + *len, end);
        int32_t low = secret_unicode_escape(second, end);
        if (second > at + *len && low >= 0xdc00 && low < 0xe000) {
            *len = (size_t)(second - at) + UNICODE_ESCAPE_LEN - 1;
            return 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        }
    }
    if (code < 0) {
        code = hex_escape('x', 2, at, end);
        *len = 3;
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

static struct secret_form escaped_form(struct bytes_view value, const char *at, const char *end)
{
    const struct secret_form none = {0, 0};
    const char *behind = skip_backslashes(at, end);
    size_t backslashes = (size_t)(behind - at), value_len, len;
    int32_t wanted = utf8_character(value, &value_len);
    if (escaped_code(behind, end, &len) == wanted) {
        return (struct secret_form){value_len, backslashes + len};
    }
    if (wanted == '\\') {
        return backslashes >= 2 ? (struct secret_form){1, 2} : none;
    }
    const char *control = wanted > 0 && wanted < 0x20 ? strchr(CONTROLS, wanted) : NULL;
    bool fits = behind < end &&
                (control ? *behind == CONTROL_LETTERS[control - CONTROLS]
                         : *behind == wanted && (wanted == '"' || wanted == '/' || wanted == '\''));
    return fits ? (struct secret_form){1, backslashes + 1} : none;
}

struct secret_form secret_form_json(struct bytes_view value, const char *at, const char *end)
{
    if (*at == '\\') {
        return escaped_form(value, at, end);
    }
    size_t is_same = *at == value.data[0];
    return (struct secret_form){is_same, is_same};
}

// --- URLs and HTML ----------------------------------------------------------------------------

// Reads one ASCII character, escapes resolved, and moves past it; 0 if there is none.
static char next_character(const char **at, const char *end)
{
    if (*at == end) {
        return 0;
    }
    if (**at != '\\') {
        return *(*at)++;
    }
    size_t len = 0;
    const char *behind = skip_backslashes(*at, end);
    int32_t code = escaped_code(behind, end, &len);
    if (code <= 0 || code >= 0x80) {
        return 0;
    }
    *at = behind + len;
    return (char)code;
}

// The byte that % and two hexadecimal digits stand for; -1 if they are not there. Gives the length.
static int32_t percent_code(const char *at, const char *end, size_t *len)
{
    const char *place = at;
    if (next_character(&place, end) != '%') {
        return -1;
    }
    int high = hex_digit(next_character(&place, end));
    int low = high < 0 ? -1 : hex_digit(next_character(&place, end));
    *len = (size_t)(place - at);
    return low < 0 ? -1 : high * 16 + low;
}

static int32_t named_code(const char *name)
{
    static const struct {
        const char *name;
        char c;
    } ENTITIES[] = {
        {"amp", '&'},   {"AMP", '&'},    {"lt", '<'},     {"LT", '<'},     {"gt", '>'},
        {"GT", '>'},    {"quot", '"'},   {"QUOT", '"'},   {"apos", '\''},  {"excl", '!'},
        {"num", '#'},   {"dollar", '$'}, {"percnt", '%'}, {"lpar", '('},   {"rpar", ')'},
        {"ast", '*'},   {"plus", '+'},   {"comma", ','},  {"period", '.'}, {"sol", '/'},
        {"colon", ':'}, {"semi", ';'},   {"equals", '='}, {"quest", '?'},  {"commat", '@'},
        {"lsqb", '['},  {"bsol", '\\'},  {"rsqb", ']'},   {"Hat", '^'},    {"lowbar", '_'},
        {"grave", '`'}, {"lcub", '{'},   {"verbar", '|'}, {"rcub", '}'},
    };
    for (size_t i = 0; i < sizeof ENTITIES / sizeof ENTITIES[0]; i++) {
        if (!strcmp(name, ENTITIES[i].name)) {
            return ENTITIES[i].c;
        }
    }
    return -1;
}

static int32_t numbered_code(const char *digits)
{
    bool is_hex = *digits == 'x' || *digits == 'X';
    const char *first = digits + is_hex;
    char *end = NULL;
    if (hex_digit(*first) < 0) {
        return -1;
    }
    unsigned long code = strtoul(first, &end, is_hex ? 16 : 10);
    return *end || code > 0x10ffff ? -1 : (int32_t)code;
}

// The character that &…; stands for; -1 if it is not there. Gives the length.
static int32_t entity_code(const char *at, const char *end, size_t *len)
{
    char name[ENTITY_CHARACTERS_MAX + 1] = "";
    const char *place = at;
    if (next_character(&place, end) != '&') {
        return -1;
    }
    for (size_t i = 0; i <= ENTITY_CHARACTERS_MAX; i++) {
        char c = next_character(&place, end);
        if (c == ';') {
            *len = (size_t)(place - at);
            return name[0] == '#' ? numbered_code(name + 1) : named_code(name);
        }
        if (!c || i == ENTITY_CHARACTERS_MAX) {
            break;
        }
        name[i] = c;
    }
    return -1;
}

struct secret_form secret_form_web(struct bytes_view value, const char *at, const char *end)
{
    size_t len = 0, value_len = 0;
    if (!may_be_form(*at)) {
        return secret_form_json(value, at, end);
    }
    if (percent_code(at, end, &len) == (unsigned char)value.data[0]) {
        return (struct secret_form){1, len};
    }
    int32_t wanted = utf8_character(value, &value_len);
    if (entity_code(at, end, &len) == wanted) {
        return (struct secret_form){value_len, len};
    }
    const char *place = at;
    if (wanted == ' ' && next_character(&place, end) == '+') {
        return (struct secret_form){1, (size_t)(place - at)};
    }
    return secret_form_json(value, at, end);
}

// --- where a form begins ----------------------------------------------------------------------

static unsigned char first_byte(int32_t code)
{
    return (unsigned char)(code < 0x80      ? code
                           : code < 0x800   ? 0xc0 | code >> 6
                           : code < 0x10000 ? 0xe0 | code >> 12
                                            : 0xf0 | code >> 18);
}

size_t secret_form_first_bytes(const char *at, const char *end,
                               unsigned char out[SECRET_FIRST_BYTES_MAX])
{
    size_t count = 0, len;
    out[count++] = (unsigned char)*at;
    if (!may_be_form(*at)) {
        return count;
    }
    if (*at == '\\') {
        const char *behind = skip_backslashes(at, end);
        int32_t code = escaped_code(behind, end, &len);
        const char *letter = behind < end && *behind ? strchr(CONTROL_LETTERS, *behind) : NULL;
        if (code >= 0) {
            out[count++] = first_byte(code);
        } else if (behind < end) {
            out[count++] =
                letter ? (unsigned char)CONTROLS[letter - CONTROL_LETTERS] : (unsigned char)*behind;
        }
    }
    int32_t byte = percent_code(at, end, &len), code = byte < 0 ? entity_code(at, end, &len) : -1;
    const char *place = at;
    if (byte >= 0 || code >= 0) {
        out[count++] = byte >= 0 ? (unsigned char)byte : first_byte(code);
    } else if (next_character(&place, end) == '+') {
        out[count++] = ' ';
    }
    return count;
}

static bool is_cut_escape(const char *at, const char *end)
{
    const char *text = at;
    while (text < end && *text == '\\') {
        text++;
    }
    if (text < end && text > at && (*text == 'u' || *text == 'x')) {
        for (text++; text < end && hex_digit(*text) >= 0; text++) {
        }
    }
    return text == end && end - at < BACKSLASHES_MAX + UNICODE_ESCAPE_LEN;
}

bool secret_form_is_cut(const char *at, const char *end)
{
    const char *place = at;
    char first = next_character(&place, end);
    if (first != '%' && first != '&') {
        return is_cut_escape(at, end);
    }
    size_t max = first == '%' ? 1 : ENTITY_CHARACTERS_MAX, count = 0;
    for (char c; count <= max && (c = next_character(&place, end)) != 0; count++) {
        bool is_of_form =
            hex_digit(c) >= 0 || (first == '&' && (isalnum((unsigned char)c) || c == '#'));
        if (!is_of_form) {
            return false;
        }
    }
    return count <= max && is_cut_escape(place, end);
}
