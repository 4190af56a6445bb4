// The id of a stream's entry: `<milliseconds>-<sequence>`, in Redis' time. Pure.
#ifndef DIALIN_ENTRY_ID_H
#define DIALIN_ENTRY_ID_H

#include <stdbool.h>
#include <stdint.h>

#define ENTRY_ID_BYTES 48 // as text, with its NUL

struct entry_id {
    uint64_t ms, sequence;
};

// Digits, a hyphen, digits, and no longer than ENTRY_ID_BYTES.
bool entry_id_is_valid(const char *text);

// Reads an id as Redis writes it; anything but a number counts as 0.
struct entry_id entry_id_of(const char *text);
void entry_id_print(struct entry_id id, char text[ENTRY_ID_BYTES]);

int entry_id_compare(struct entry_id a, struct entry_id b); // below, equal to or above 0

// Its neighbours among all ids that there can be; the first and the last are their own.
struct entry_id entry_id_before(struct entry_id id);
struct entry_id entry_id_after(struct entry_id id);

#endif
