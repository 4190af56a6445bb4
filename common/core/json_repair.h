// Makes strict JSON of whole JSON with flaws that can be repaired without guessing: bad UTF-8 and
// halves of surrogate pairs become U+FFFD, \u0000 is dropped, a number that no reader understands
// becomes a text, of a repeated key the first counts, and of too many members the known ones are
// kept. Pure: the same text always gives the same result.
#ifndef DIALIN_JSON_REPAIR_H
#define DIALIN_JSON_REPAIR_H

#include "bytes.h"
#include "json.h"
#include "json_scan.h"

#include <stdbool.h>
#include <stddef.h>

#define JSON_KNOWN_MAX 16 // names in a list of known members

struct json_repair_member {
    struct bytes_view value; // the raw text, unrepaired
    unsigned flaws;          // of key and value
    bool is_repeated;        // further members with this key were left out
    size_t key_at, key_len;  // in json_repair.keys
};

// The members that are kept, in their order. `value` points into the text.
struct json_repair {
    unsigned flaws; // of the whole text
    size_t count;
    struct json_repair_member members[JSON_MEMBERS_MAX + JSON_KNOWN_MAX];
    struct bytes keys; // repaired and without escapes
    const char *const *known;
    size_t unknown_count;
};

// Reads an object. `known` (ends with NULL; at most JSON_KNOWN_MAX names) are kept if there are
// more than JSON_MEMBERS_MAX members; NULL keeps the first of them. Returns NULL, or the sentence
// of json_scan. To be released in either case.
const char *json_repair_read(struct json_repair *repair, struct bytes_view text,
                             const char *const *known);
void json_repair_release(struct json_repair *repair);

struct bytes_view json_repair_key(const struct json_repair *repair, size_t member);
const struct json_repair_member *json_repair_find(const struct json_repair *repair,
                                                  const char *key); // or NULL

// Appends the repaired text of the whole object, or of one raw value.
bool json_repair_write(const struct json_repair *repair, struct bytes *out);
bool json_repair_write_value(struct bytes_view value, struct bytes *out);

// Appends the content of a raw string, without quotes and escapes, repaired. It never holds a NUL.
bool json_repair_decode(struct bytes_view raw, struct bytes *out);

#endif
