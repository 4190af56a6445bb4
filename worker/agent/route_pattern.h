// Patterns of numbers and SIP addresses, compared whatever their spelling: digits with digits,
// addresses without case. A `*` at the end makes a prefix.
#ifndef DIALIN_ROUTE_PATTERN_H
#define DIALIN_ROUTE_PATTERN_H

#include "phone_number.h"
#include "route_reader.h"

#define ROUTE_PATTERNS_MAX 256 // in one list

enum route_pattern_kind { ROUTE_PATTERN_ANY, ROUTE_PATTERN_DIGITS, ROUTE_PATTERN_ADDRESS };

struct route_pattern {
    enum route_pattern_kind kind;
    bool is_prefix;
    const char *text; // digits, or address, as phone_number.h has them
    size_t len;
};

struct route_patterns {
    struct route_pattern *list;
    size_t count; // 0: anybody matches
};

// A read function for route_reader.h: a text or an array of texts, into struct route_patterns.
bool route_read_patterns(struct route_reader *reader, const struct route_field *field,
                         const struct route_value *value, void *into);

// The address of a pattern or a party without its scheme, which phone_number.h leaves in front of
// an address that has no host. Borrowed.
const char *route_pattern_address(const struct phone_number *number);

bool route_patterns_match(const struct route_patterns *patterns, const struct phone_number *party);

#endif
