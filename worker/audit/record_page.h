// A page of the stream of webhooks and what is recorded of its calls. Of a call's hash only the
// fields that are needed are read, so that a walk over a million calls costs Redis and the reader
// little; the whole hash is read of those calls only that a selection has.
#ifndef DIALIN_AUDIT_RECORD_PAGE_H
#define DIALIN_AUDIT_RECORD_PAGE_H

#include "database.h"
#include "selection.h"

#define RECORD_DUPLICATE_BYTES (ENTRY_ID_BYTES + 16)
#define RECORD_FIELDS_MAX 16 // `entry`, `state`, those of a selection and those of a caller

// How the stream stood when it was asked.
struct stream_state {
    uint64_t added;                  // entries, ever
    uint64_t length;                 // entries that are there
    struct entry_id oldest, newest;  // that are there, or were the newest
    struct entry_id delivered;       // up to here the group has read
    struct entry_id unfinished_from; // before this one every entry is finished
    uint64_t pending;
};

// The fields of a hash that are read, by name; all borrowed. None: whole hashes are read at once.
struct record_fields {
    const char *names[RECORD_FIELDS_MAX];
    size_t count;
};

// `entry`, `state`, those by which the selection chooses, and `wanted` (ends with NULL). With
// `wanted` NULL whole hashes are read, of those only that are chosen by these: if the selection
// takes every call, none.
void record_fields_set(struct record_fields *fields, const struct selection *selection,
                       const char *const *wanted);

// Plain memory, to be released. An index is that of a row.
struct record_page {
    redisReply *rows; // as XRANGE returns them, DATABASE_PAGE at most; owned
    const struct record_fields *fields;
    redisReply *values[DATABASE_PAGE]; // of the fields, as HMGET returns them
    redisReply *hashes[DATABASE_PAGE]; // whole ones; of equal ones the first row owns it
    size_t first[DATABASE_PAGE];
    char names[DATABASE_PAGE][RECORDED_CALL_NAME_BYTES];
    bool is_unfinished[DATABASE_PAGE]; // the group has it, or has not read it yet
    bool is_duplicate[DATABASE_PAGE];  // the hash of its call names its entry as one

    // The fields of the call at hand as names and values in turn.
    redisReply pairs, pair_names[RECORD_FIELDS_MAX + 1];
    redisReply *pair_members[2 * (RECORD_FIELDS_MAX + 1)];
    char duplicate[RECORD_DUPLICATE_BYTES];
};

void record_page_init(struct record_page *page, redisReply *rows,
                      const struct record_fields *fields);
void record_page_release(struct record_page *page);

// Sends the questions about the fields, or the whole hash, of each row. What else the caller sends
// then is answered after these.
void record_page_ask(struct record_page *page, struct database *database);

// Receives the answers. Returns false if Redis did not answer.
bool record_page_receive(struct record_page *page, struct database *database);

// Asks the group about the rows that have no record of their own, and the hashes of their calls
// whether they are duplicates. Returns false if Redis did not answer.
bool record_page_ask_group(struct record_page *page, struct database *database,
                           const struct stream_state *stream);

// Reads the whole hashes of the chosen rows, none of which was read before. Returns false if Redis
// did not answer.
bool record_page_read_whole(struct record_page *page, struct database *database,
                            const bool *is_chosen);

// The call of a row: by its whole hash if that was read, else by the fields. It points into the
// page, and is valid until the next call of this function.
void record_page_call(struct record_page *page, size_t row, struct recorded_call *call);

#endif
