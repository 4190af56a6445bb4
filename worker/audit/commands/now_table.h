// A snapshot of the queue for people, in 80 columns: the sentence, the last minutes, agents, the
// first callers, programs.
#ifndef DIALIN_AUDIT_NOW_TABLE_H
#define DIALIN_AUDIT_NOW_TABLE_H

#include "screen.h"
#include "snapshot.h"

// Numbers of callers are masked unless `with_numbers`.
void now_table_print(const struct screen *screen, const struct snapshot *snapshot,
                     bool with_numbers);

#endif
