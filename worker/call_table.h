// The calls in work, by the id of their entry. Owns nothing but its buckets.
#ifndef DIALIN_CALL_TABLE_H
#define DIALIN_CALL_TABLE_H

#include "call.h"

struct call_table {
    struct call **buckets;
    size_t bucket_count; // a power of two
    size_t count;
};

void call_table_init(struct call_table *table, size_t expected);
void call_table_release(struct call_table *table);

struct call *call_table_find(const struct call_table *table, struct bytes_view entry_id);
void call_table_add(struct call_table *table, struct call *call);
void call_table_remove(struct call_table *table, struct call *call);

// One after another, in no order, from NULL on; the call last given may be removed meanwhile only
// if `next` of it was asked for before.
struct call *call_table_next(const struct call_table *table, const struct call *call);

#endif
