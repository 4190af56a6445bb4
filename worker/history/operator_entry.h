// An entry of the stream of what operators did (key `operators`): an intent before the deed, its
// outcome after it. The board and dialin-audit write both.
#ifndef DIALIN_OPERATOR_ENTRY_H
#define DIALIN_OPERATOR_ENTRY_H

#include "bytes.h"

#include <stddef.h>

#define OPERATOR_ENTRY_FIELDS_MAX 8 // names and values
#define OPERATOR_ENTRY_COMMAND_MAX (6 + OPERATOR_ENTRY_FIELDS_MAX)

// The command that adds an entry with these names and values, in turn, and keeps the stream short.
// Returns the number of its arguments: views of the caller's texts.
size_t operator_entry_command(struct bytes_view key, size_t count, const struct bytes_view *fields,
                              struct bytes_view argv[OPERATOR_ENTRY_COMMAND_MAX]);

#endif
