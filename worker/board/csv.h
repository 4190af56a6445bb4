// Lines of JSON, as dialin-audit prints them, as a table for spreadsheets. Pure.
#ifndef DIALIN_BOARD_CSV_H
#define DIALIN_BOARD_CSV_H

#include "bytes.h"

#include <stdbool.h>

#define CSV_BYTES_MAX(lines_len) (2 * (lines_len) + 1024)

struct csv_columns;
extern const struct csv_columns CSV_CALLS, CSV_REFUSED;

// Appends a head, and a row for each line of `lines`; returns how many. Each cell stands in quotes.
// One that a spreadsheet takes for a formula (it begins with = + - @ or a control byte) gets an
// apostrophe before its text. `is_masked`: numbers are hidden, as mask.h has it. `out` needs room
// for CSV_BYTES_MAX of the lines.
size_t csv_append(struct bytes *out, const struct csv_columns *columns, struct bytes_view lines,
                  bool is_masked);

#endif
