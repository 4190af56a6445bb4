// A telephone number or SIP address in any of its spellings, reduced to a form that can be
// compared: +1 (415) 225-1493, 0014152251493, tel:+1-415-225-1493, sip:+14152251493@host,
// %2B14152251493 and "Ann" <sip:14152251493@host> have the same digits. Pure.
#ifndef DIALIN_PHONE_NUMBER_H
#define DIALIN_PHONE_NUMBER_H

#include "bytes.h"

#include <stdbool.h>

#define PHONE_DIGITS_MAX 20 // E.164 has 15
#define PHONE_ADDRESS_BYTES_MAX 1024

// Plain memory.
struct phone_number {
    // Without + or 00; of a SIP address those of its user part if that is a number. Empty: none.
    char digits[PHONE_DIGITS_MAX + 1];
    // Of a SIP address `user@host` in lower case, without password, port and parameters; of what is
    // neither a number nor an address the text itself in lower case. Empty: a number alone.
    char address[PHONE_ADDRESS_BYTES_MAX + 1];
    bool is_address; // `address` is a SIP address
};

// Returns false if `text` is neither a number nor a SIP address: a word such as "Restricted", or
// one of the spellings of a withheld number (anonymous.invalid, 266696687).
bool phone_number_read(struct phone_number *number, struct bytes_view text);

// The same number, the same address, or the same word.
bool phone_number_equal(const struct phone_number *a, const struct phone_number *b);

// A number, an address or a word; with a `*` at its end every one that begins so.
struct phone_pattern {
    struct phone_number number;
    bool is_prefix;
};

// Returns false if it can match nothing that is a number or an address.
bool phone_pattern_read(struct phone_pattern *pattern, struct bytes_view text);
bool phone_pattern_matches(const struct phone_pattern *pattern, struct bytes_view text);

// Does this number (its digits) or address stand anywhere in the text, in any of its spellings, and
// not as part of a longer number? JSON escapes are not resolved.
bool phone_number_occurs(const struct phone_number *number, struct bytes_view text);

#endif
