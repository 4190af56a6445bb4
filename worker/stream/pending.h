// The part of this consumer's pending list that was not examined yet: the start of the next page,
// and which of the entries listed are to be resumed, together or alone. Plain memory, no I/O.
#ifndef DIALIN_PENDING_H
#define DIALIN_PENDING_H

#include "webhook_entry.h"

#include <stdbool.h>
#include <stddef.h>

#define BACKLOG_PAGE_MAX 48 // entries listed in one step; as many as one script takes

typedef char backlog_id[ENTRY_ID_BYTES];

struct backlog {
    char list_from[ENTRY_ID_BYTES + 1]; // XPENDING's start: "-", or "(" and an id
    bool has_more;                      // the list is not through
    bool is_again;                      // from its start, when this time is through
    bool has_one_alone;                 // which has not survived its beginning, perhaps
    size_t together_count, alone_count, alone_done;
    backlog_id together[BACKLOG_PAGE_MAX]; // to be resumed in one step
    backlog_id alone[BACKLOG_PAGE_MAX];    // to be resumed one by one
};

void backlog_restart(struct backlog *backlog); // from the start of the list
void backlog_again(struct backlog *backlog);   // the same, when this time is through
bool backlog_is_empty(const struct backlog *backlog);

// One entry of the page at hand, or one that needs nothing: the listing goes on after it.
void backlog_pass(struct backlog *backlog, const char *entry_id);
void backlog_add(struct backlog *backlog, const char *entry_id, bool was_resumed);

// Returns the next step. If it is BACKLOG_RESUME: the `count` entries at `ids`, borrowed; once that
// is sent, backlog_resumed.
enum backlog_step { BACKLOG_NOTHING, BACKLOG_LIST, BACKLOG_RESUME, BACKLOG_WAIT };
enum backlog_step backlog_next(struct backlog *backlog, size_t beginning, const backlog_id **ids,
                               size_t *count);
void backlog_resumed(struct backlog *backlog);

#endif
