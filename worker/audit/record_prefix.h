// Finds calls by the beginning of their id, as a table that cut it shows it.
#ifndef DIALIN_AUDIT_RECORD_PREFIX_H
#define DIALIN_AUDIT_RECORD_PREFIX_H

#include "database.h"
#include "recorded_call.h"

#define RECORD_PREFIX_BYTES_MIN 4 // a shorter one means too many
#define RECORD_PREFIX_NAMES_MAX 8
#define RECORD_PREFIX_ENTRIES_MAX 200000 // of the newest, that are looked through

struct record_prefix {
    size_t count;  // calls that begin so; RECORD_PREFIX_NAMES_MAX: perhaps more
    bool is_whole; // every entry was looked at
    char names[RECORD_PREFIX_NAMES_MAX][RECORDED_CALL_NAME_BYTES];
};

// An ellipsis at the end of `text` does not count. Returns false if Redis did not answer, or an
// interrupt came.
bool record_prefix_find(struct database *database, const char *text, struct record_prefix *found);

#endif
