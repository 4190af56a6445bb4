// See entry_id.h.
#include "entry_id.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static const char *behind_digits(const char *text)
{
    while (*text >= '0' && *text <= '9') {
        text++;
    }
    return text;
}

bool entry_id_is_valid(const char *text)
{
    const char *hyphen = behind_digits(text);
    if (hyphen == text || *hyphen != '-') {
        return false;
    }
    const char *end = behind_digits(hyphen + 1);
    return end > hyphen + 1 && !*end && end - text < ENTRY_ID_BYTES;
}

struct entry_id entry_id_of(const char *text)
{
    char *end = NULL;
    struct entry_id id = {.ms = strtoull(text, &end, 10)};
    id.sequence = *end == '-' ? strtoull(end + 1, NULL, 10) : 0;
    return id;
}

void entry_id_print(struct entry_id id, char text[ENTRY_ID_BYTES])
{
    snprintf(text, ENTRY_ID_BYTES, "%" PRIu64 "-%" PRIu64, id.ms, id.sequence);
}

int entry_id_compare(struct entry_id a, struct entry_id b)
{
    if (a.ms != b.ms) {
        return a.ms < b.ms ? -1 : 1;
    }
    return (a.sequence > b.sequence) - (a.sequence < b.sequence);
}

struct entry_id entry_id_before(struct entry_id id)
{
    if (id.sequence > 0) {
        id.sequence--;
    } else if (id.ms > 0) {
        id.ms--;
        id.sequence = UINT64_MAX;
    }
    return id;
}

struct entry_id entry_id_after(struct entry_id id)
{
    if (id.sequence < UINT64_MAX) {
        id.sequence++;
    } else if (id.ms < UINT64_MAX) {
        id.ms++;
        id.sequence = 0;
    }
    return id;
}
