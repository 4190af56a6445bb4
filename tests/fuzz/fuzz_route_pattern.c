// Any text as a pattern of a route, and any as a party: a pattern that is taken matches the party
// whose spelling it is, and every longer one if it ends with a star.
#include "memory.h"
#include "route_pattern.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// Reads a pattern; false if it is refused, which a sentence then says.
static bool read_pattern(const char *text, struct route_arena *arena,
                         struct route_patterns *patterns)
{
    struct bytes problem;
    cJSON *tree = cJSON_CreateString(text);
    bytes_init(&problem, 65536);
    struct route_reader reader = {.text = view_of_text(text), .arena = arena, .problem = &problem};
    const struct route_value value = {.name = "to", .tree = tree, .raw = view_of_text(text)};
    bool is_good = route_read_patterns(&reader, NULL, &value, patterns);
    assert(is_good == (problem.len == 0));
    bytes_release(&problem);
    cJSON_Delete(tree);
    return is_good;
}

static bool matches(const struct route_patterns *patterns, const char *text)
{
    struct phone_number party;
    phone_number_read(&party, view_of_text(text));
    return route_patterns_match(patterns, &party);
}

static void check(const char *text, const char *other)
{
    struct route_arena arena = {0};
    struct route_patterns exact = {0}, prefix = {0};
    char *longer = memory_zeroed(strlen(text) + 2);
    memcpy(longer, text, strlen(text));
    longer[strlen(text)] = '*';
    if (read_pattern(text, &arena, &exact)) {
        (void)matches(&exact, other);
        if (!strchr(text, '*')) {
            assert(matches(&exact, text));
            assert(!read_pattern(longer, &arena, &prefix) || matches(&prefix, text));
        }
    }
    route_arena_release(&arena);
    free(longer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = size > 0 ? memchr(data, '\n', size) : NULL;
    size_t len = end ? (size_t)(end - data) : size;
    char *text = memory_text_of((const char *)data, len);
    char *other = memory_text_of((const char *)data + len, size - len);
    check(text, other);
    free(text);
    free(other);
    return 0;
}
