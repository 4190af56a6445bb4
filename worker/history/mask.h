// Hides the numbers of callers in what people are shown: in every text each run of seven or more
// digits and the user part of each SIP address, except UUIDs, times and our own ids. Pure.
#ifndef DIALIN_MASK_H
#define DIALIN_MASK_H

#include "json.h"

#define MASK_DIGITS_MIN 7

// Appends `text` with its numbers hidden: +14158483432 becomes +1…3432, sip:anna@pbx becomes
// sip:…@pbx. Digits that JSON escapes (\u0031), and digits with blanks, hyphens, dots or brackets
// between them, count too.
void mask_text(struct bytes_view text, struct bytes *out);

// Masks every text of a tree in place. A text that is itself whole JSON is masked member by member,
// numbers included, and stays JSON. Members that cannot hold a caller's number are left alone:
// session_id, sha256, worker, timestamp, prefix, and ids of entries.
void mask_tree(cJSON *tree);

#endif
