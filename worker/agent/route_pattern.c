// See route_pattern.h.
#include "route_pattern.h"

#include <string.h>

// --- patterns -----------------------------------------------------------------------------------

// A prefix of an address (sip:ann*) may end before the host.
const char *route_pattern_address(const struct phone_number *number)
{
    static const char *const SCHEMES[] = {"sip:", "sips:"};
    const char *address = number->address;
    for (size_t i = 0; i < sizeof SCHEMES / sizeof SCHEMES[0]; i++) {
        size_t len = strlen(SCHEMES[i]);
        address += !strncmp(address, SCHEMES[i], len) ? len : 0;
    }
    return address;
}

static bool make_pattern(struct route_reader *reader, const struct route_value *value,
                         struct route_pattern *pattern)
{
    struct phone_number number;
    const char *text = cJSON_GetStringValue(value->tree);
    const char *star = text ? strchr(text, '*') : NULL;
    if (!text || !text[0] || (star && star[1]) || strlen(text) > PHONE_ADDRESS_BYTES_MAX) {
        return route_refuse(reader, value->raw.data, value->name,
                            "must be a text or texts that are not empty, with '*' only at the end");
    }
    pattern->is_prefix = star != NULL;
    if (star == text) {
        pattern->kind = ROUTE_PATTERN_ANY;
        return true;
    }
    phone_number_read(&number, (struct bytes_view){text, strlen(text) - (star ? 1 : 0)});
    bool is_address = number.is_address || !number.digits[0];
    const char *kept = is_address ? route_pattern_address(&number) : number.digits;
    pattern->kind = is_address ? ROUTE_PATTERN_ADDRESS : ROUTE_PATTERN_DIGITS;
    pattern->len = strlen(kept);
    pattern->text = route_arena_text(reader->arena, kept, pattern->len);
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

static bool starts_or_is(const struct route_pattern *pattern, const char *text)
{
    return !strncmp(text, pattern->text, pattern->len) &&
           (pattern->is_prefix || !text[pattern->len]);
}

static bool matches(const struct route_pattern *pattern, const struct phone_number *party)
{
    switch (pattern->kind) {
    case ROUTE_PATTERN_ANY:
        return true;
    case ROUTE_PATTERN_DIGITS:
        return starts_or_is(pattern, party->digits);
    case ROUTE_PATTERN_ADDRESS:
        return starts_or_is(pattern, route_pattern_address(party));
    }
    return false;
}

bool route_patterns_match(const struct route_patterns *patterns, const struct phone_number *party)
{
    for (size_t i = 0; i < patterns->count; i++) {
        if (matches(&patterns->list[i], party)) {
            return true;
        }
    }
    return patterns->count == 0;
}
