// Reads the JSON of a routes file by tables of fields. Every complaint names the line.
#ifndef DIALIN_ROUTE_READER_H
#define DIALIN_ROUTE_READER_H

#include "bytes.h"
#include "json.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Memory that lives as long as the file that was read; wiped in the end, for it may hold keys.
struct route_arena {
    struct route_arena_block *blocks;
};
void *route_arena_zeroed(struct route_arena *arena, size_t size);
char *route_arena_text(struct route_arena *arena, const char *data, size_t len);
void route_arena_release(struct route_arena *arena);

struct route_reader {
    struct bytes_view text; // the whole file
    struct route_arena *arena;
    struct bytes *problem; // "line N: …", set once
    void *context;         // for read functions that look things up
};

// A value in the file: its name, its cJSON item, and its text, which points into the file.
struct route_value {
    const char *name;
    const cJSON *tree;
    struct bytes_view raw;
};

// Returns false, so that a read function can end with it. The first complaint is kept.
bool route_refuse(struct route_reader *reader, const char *at, const char *name,
                  const char *sentence);

struct route_field;
typedef bool route_read(struct route_reader *reader, const struct route_field *field,
                        const struct route_value *value, void *into);

// A member of an object. `read` stores the value at `offset` of the struct that is filled.
struct route_field {
    const char *name;
    route_read *read;
    size_t offset;
    uint64_t min, max; // of numbers, both included
};

// Reads an object by a table that ends with a NULL name. `owner` is how a complaint calls it.
bool route_read_members(struct route_reader *reader, const struct route_value *value,
                        const char *owner, const struct route_field *fields, void *into);

// The same for one member that is at hand.
bool route_read_member(struct route_reader *reader, const struct route_value *value,
                       const char *owner, const struct route_field *fields, void *into);

// Calls `read` for each element of an array. `index` counts from 0.
typedef bool route_read_element(struct route_reader *reader, const struct route_value *element,
                                size_t index, void *into);
bool route_read_array(struct route_reader *reader, const struct route_value *value, size_t max,
                      route_read_element *read, void *into);

// Read functions for tables. The texts are owned by the arena.
bool route_read_text(struct route_reader *reader, const struct route_field *field,
                     const struct route_value *value, void *into); // const char *
bool route_read_number(struct route_reader *reader, const struct route_field *field,
                       const struct route_value *value, void *into); // uint64_t
bool route_read_bool(struct route_reader *reader, const struct route_field *field,
                     const struct route_value *value, void *into); // bool
bool route_read_document(struct route_reader *reader, const struct route_field *field,
                         const struct route_value *value, void *into); // struct json_document *

#endif
