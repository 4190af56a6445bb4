// See route_pattern.h.
#include "route_pattern.h"

#include <ctype.h>
#include <string.h>

// --- spelling -----------------------------------------------------------------------------------

static size_t lower(char *out, size_t size, const char *text, size_t len)
{
    size_t count = len < size ? len : size - 1;
    for (size_t i = 0; i < count; i++) {
        out[i] = (char)tolower((unsigned char)text[i]);
    }
    out[count] = '\0';
    return count;
}

// The text in <…>, else the whole; without "sip:", "sips:" and "tel:", parameters and blanks.
static struct bytes_view bare_address(const char *text)
{
    const char *begin = strrchr(text, '<');
    begin = begin ? begin + 1 : text;
    begin += strspn(begin, " \t");
    static const char *const SCHEMES[] = {"sip:", "sips:", "tel:"};
    for (size_t i = 0; i < sizeof SCHEMES / sizeof SCHEMES[0]; i++) {
        begin += !strncasecmp(begin, SCHEMES[i], strlen(SCHEMES[i])) ? strlen(SCHEMES[i]) : 0;
    }
    size_t len = strcspn(begin, ">;?");
    while (len > 0 && (begin[len - 1] == ' ' || begin[len - 1] == '\t')) {
        len--;
    }
    return (struct bytes_view){begin, len};
}

// The digits of a number, without the 00 or the + in front; 0 if it is not a number.
static size_t copy_digits(struct bytes_view text, char *out, size_t size)
{
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (isdigit((unsigned char)text.data[i])) {
            if (count + 1 == size) {
                return 0;
            }
            out[count++] = text.data[i];
        } else if (!strchr("+ -.()/\t", text.data[i])) {
            return 0;
        }
    }
    out[count] = '\0';
    size_t zeros = count > 2 && out[0] == '0' && out[1] == '0' ? 2 : 0;
    memmove(out, out + zeros, count - zeros + 1);
    return count - zeros;
}

void route_party_set(struct route_party *party, const char *text)
{
    struct bytes_view address = bare_address(text ? text : "");
    const char *at = memchr(address.data, '@', address.len);
    struct bytes_view user = {address.data, at ? (size_t)(at - address.data) : address.len};
    party->digits_len = copy_digits(user, party->digits, sizeof party->digits);
    party->digits[party->digits_len] = '\0';
    party->address_len = lower(party->address, sizeof party->address, address.data, address.len);
}

// --- patterns -----------------------------------------------------------------------------------

static bool make_pattern(struct route_reader *reader, const struct route_value *value,
                         struct route_pattern *pattern)
{
    struct route_party party;
    const char *text = cJSON_GetStringValue(value->tree);
    const char *star = text ? strchr(text, '*') : NULL;
    if (!text || !text[0] || (star && star[1]) || strlen(text) > ROUTE_PARTY_BYTES_MAX) {
        return route_refuse(reader, value->raw.data, value->name,
                            "must be a text or texts that are not empty, with '*' only at the end");
    }
    pattern->is_prefix = star != NULL;
    if (star == text) {
        pattern->kind = ROUTE_PATTERN_ANY;
        return true;
    }
    char *whole = route_arena_text(reader->arena, text, strlen(text) - (star ? 1 : 0));
    route_party_set(&party, whole);
    bool is_address = !party.digits[0] || strchr(whole, '@');
    pattern->kind = is_address ? ROUTE_PATTERN_ADDRESS : ROUTE_PATTERN_DIGITS;
    pattern->len = strlen(is_address ? party.address : party.digits);
    pattern->text =
        route_arena_text(reader->arena, is_address ? party.address : party.digits, pattern->len);
    return pattern->len > 0 || route_refuse(reader, value->raw.data, value->name,
                                            "has neither a number nor an address in it");
}

static bool read_element(struct route_reader *reader, const struct route_value *element,
                         size_t index, void *into)
{
    struct route_patterns *patterns = into;
    patterns->count++;
    return make_pattern(reader, element, &patterns->list[index]);
}

bool route_read_patterns(struct route_reader *reader, const struct route_field *field,
                         const struct route_value *value, void *into)
{
    struct route_patterns *patterns = into;
    (void)field;
    if (!cJSON_IsArray(value->tree)) {
        patterns->list = route_arena_zeroed(reader->arena, sizeof *patterns->list);
        patterns->count = 1;
        return make_pattern(reader, value, patterns->list);
    }
    size_t count = (size_t)cJSON_GetArraySize(value->tree);
    if (count == 0 || count > ROUTE_PATTERNS_MAX) {
        return route_refuse(reader, value->raw.data, value->name,
                            "must have from 1 to 256 patterns");
    }
    patterns->list = route_arena_zeroed(reader->arena, count * sizeof *patterns->list);
    return route_read_array(reader, value, count, read_element, patterns);
}

static bool starts_or_is(const struct route_pattern *pattern, const char *text, size_t len)
{
    return (pattern->is_prefix ? pattern->len <= len : pattern->len == len) &&
           !memcmp(text, pattern->text, pattern->len);
}

static bool matches(const struct route_pattern *pattern, const struct route_party *party)
{
    switch (pattern->kind) {
    case ROUTE_PATTERN_ANY:
        return true;
    case ROUTE_PATTERN_DIGITS:
        return starts_or_is(pattern, party->digits, party->digits_len);
    case ROUTE_PATTERN_ADDRESS:
        return starts_or_is(pattern, party->address, party->address_len);
    }
    return false;
}

bool route_patterns_match(const struct route_patterns *patterns, const struct route_party *party)
{
    for (size_t i = 0; i < patterns->count; i++) {
        if (matches(&patterns->list[i], party)) {
            return true;
        }
    }
    return patterns->count == 0;
}
