// Walks a JSON text once, by RFC 8259, and reports the members of its outermost object. Our own,
// because it is the border: cJSON by design takes more than JSON. Pure.
//
// A lenient scan still demands whole JSON, and counts as flaws the errors that can be repaired
// without guessing (json_repair.h). A strict one fails at the first of them.
#ifndef DIALIN_JSON_SCAN_H
#define DIALIN_JSON_SCAN_H

#include "bytes.h"

#include <stdbool.h>

#define JSON_DEPTH_MAX 32
#define JSON_NUMBER_BYTES_MAX 63 // cJSON 1.7.15 does not understand longer ones

// Flaws that a lenient scan lets pass; bits.
enum json_flaw {
    JSON_FLAW_UTF8 = 1,      // bytes that are not UTF-8
    JSON_FLAW_SURROGATE = 2, // a \u escape that is half of a surrogate pair
    JSON_FLAW_NUL = 4,       // \u0000
    JSON_FLAW_NUMBER = 8,    // a number longer than JSON_NUMBER_BYTES_MAX
    JSON_FLAW_REPEATED = 16, // from here on found by json_repair: a repeated key
    JSON_FLAW_MEMBERS = 32,  // more members than JSON_MEMBERS_MAX
};

struct json_scan {
    bool is_lenient;
    // Gets each member of the outermost object: the key between its quotes, escapes not resolved,
    // the raw text of the value, and the flaws of both. Returns NULL to go on, else a sentence that
    // ends the scan. May be NULL.
    const char *(*on_member)(struct bytes_view key, struct bytes_view value, unsigned flaws,
                             void *arg);
    void *arg;

    unsigned flaws;        // set by json_scan
    const char *failed_at; // near the error in the text
};

// NULL if `text` is one JSON value whose outermost value is an object, no deeper than
// JSON_DEPTH_MAX. Otherwise a sentence without a full stop.
const char *json_scan(struct json_scan *scan, struct bytes_view text);

// Takes the next element off `rest`, which at first is the text of a list that a scan has passed,
// its brackets included. False at the end of the list.
bool json_take_element(struct bytes_view *rest, struct bytes_view *element);

// Reads the four hex digits of a \u escape at `at`; false if they are not there.
bool json_read_hex(const char *at, const char *end, unsigned *code);

#endif
