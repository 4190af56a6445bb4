// Looks into the index of the record: which minutes may hold a call of a selection?
#ifndef DIALIN_AUDIT_RECORD_INDEX_H
#define DIALIN_AUDIT_RECORD_INDEX_H

#include "database.h"
#include "facets.h"

#include <stdint.h>

#define RECORD_INDEX_MIN 8      // minutes to begin with
#define RECORD_INDEX_MAX 512    // minutes at once
#define RECORD_INDEX_SCAN "500" // members of a set that one command looks at

// Sets has[i] for each of the minutes, RECORD_INDEX_MAX at most. Returns false if Redis did not
// answer, or an interrupt came.
bool record_index_look(struct database *database, const struct facets *facets,
                       const uint64_t *minutes, size_t count, bool *has);

#endif
