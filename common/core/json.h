// Strict JSON at the border, and cJSON's tree after that. cJSON by itself accepts trailing bytes,
// repeated keys, bad UTF-8, control bytes and a BOM, and \u0000 cuts its strings: json_parse()
// refuses all of these first. The tree is cJSON's own; it is built and read with cJSON's functions
// and freed with cJSON_Delete().
#ifndef DIALIN_JSON_H
#define DIALIN_JSON_H

#include "bytes.h"
#include "json_scan.h"

#include <cjson/cJSON.h>
#include <stdint.h>

#define JSON_MEMBERS_MAX 256 // of the outermost object

// A member of the outermost object as it stands in the text: nothing is lost in going through,
// not even the digits of a number that a double cannot hold.
struct json_member {
    struct bytes_view key;   // between the quotes, escapes not resolved
    struct bytes_view value; // the raw text of the value
};

struct json_document {
    cJSON *tree; // an object
    struct json_member members[JSON_MEMBERS_MAX];
    size_t member_count;   // members[i] is the i-th child of the tree
    const char *failed_at; // near the error in the text
};

// Makes cJSON abort like everything else when memory runs out. Once, at the start of main.
void json_init(void);

// Returns NULL if `text` is one JSON value by RFC 8259 whose outermost value is an object, UTF-8,
// no deeper than JSON_DEPTH_MAX, no repeated key in the outermost object, no \u0000 anywhere.
// Otherwise returns a sentence that names the error, without a full stop; `document` is then empty.
// The members point into `text`, which must outlive them.
const char *json_parse(struct json_document *document, struct bytes_view text);
void json_release(struct json_document *document);

// A string member, or NULL if it is absent or not a string. Names are compared with their case.
const char *json_text(const cJSON *object, const char *name);

// A member that is a number from 0 to 1e15, without its fraction; else 0.
uint64_t json_count(const cJSON *object, const char *name);

// Appends the compact text of a tree; returns false if it would exceed the maximum of `out`.
bool json_print(const cJSON *tree, struct bytes *out);

// Appends `text` as a JSON string with its quotes: control bytes are escaped, and bytes that are
// not UTF-8 become U+FFFD.
bool json_append_text(struct bytes *out, struct bytes_view text);

#endif
