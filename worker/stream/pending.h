// The part of this consumer's pending list that was not examined yet: the start of the next page,
// and which of the entries listed are to be resumed, together or alone. Plain memory, no I/O.
#ifndef DIALIN_PENDING_H
#define DIALIN_PENDING_H

#include "webhook_entry.h"

#include <stdbool.h>
#include <stddef.h>

#define PENDING_PAGE_MAX 48 // entries listed in one step; as many as one script takes

typedef char pending_id[ENTRY_ID_BYTES];

struct pending {
    char list_from[ENTRY_ID_BYTES + 1]; // XPENDING's start: "-", or "(" and an id
    bool has_more;                      // the list is not through
    bool is_again;                      // from its start, when this time is through
    bool has_one_alone;                 // which has not survived its beginning, perhaps
    size_t together_count, alone_count, alone_done;
    pending_id together[PENDING_PAGE_MAX]; // to be resumed in one step
    pending_id alone[PENDING_PAGE_MAX];    // to be resumed one by one
};

void pending_restart(struct pending *pending); // from the start of the list
void pending_again(struct pending *pending);   // the same, when this time is through
bool pending_is_empty(const struct pending *pending);

// One entry of the page at hand, or one that needs nothing: the listing goes on after it.
void pending_pass(struct pending *pending, const char *entry_id);
void pending_add(struct pending *pending, const char *entry_id, bool was_resumed);

// Returns the next step. If it is PENDING_RESUME: the `count` entries at `ids`, borrowed; once that
// is sent, pending_resumed.
enum pending_step { PENDING_NOTHING, PENDING_LIST, PENDING_RESUME, PENDING_WAIT };
enum pending_step pending_next(struct pending *pending, size_t beginning, const pending_id **ids,
                               size_t *count);
void pending_resumed(struct pending *pending);

#endif
