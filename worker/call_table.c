// See call_table.h. A bucket is a list of the calls that share it, linked through the calls.
#include "call_table.h"

#include "memory.h"

#include <stdlib.h>

static size_t bucket_of(const struct call_table *table, struct bytes_view entry_id)
{
    uint64_t hash = 14695981039346656037U; // FNV-1a
    for (size_t i = 0; i < entry_id.len; i++) {
        hash = (hash ^ (unsigned char)entry_id.data[i]) * 1099511628211U;
    }
    return hash & (table->bucket_count - 1);
}

void call_table_init(struct call_table *table, size_t expected)
{
    *table = (struct call_table){.bucket_count = 1};
    while (table->bucket_count < expected) {
        table->bucket_count *= 2;
    }
    table->buckets = memory_zeroed(table->bucket_count * sizeof(struct call *));
}

void call_table_release(struct call_table *table)
{
    free(table->buckets);
}

struct call *call_table_find(const struct call_table *table, struct bytes_view entry_id)
{
    struct call *call = table->buckets[bucket_of(table, entry_id)];
    while (call && !view_equal_text(entry_id, call->entry_id)) {
        call = call->next;
    }
    return call;
}

void call_table_add(struct call_table *table, struct call *call)
{
    struct call **bucket = &table->buckets[bucket_of(table, view_of_text(call->entry_id))];
    call->next = *bucket;
    *bucket = call;
    table->count++;
}

void call_table_remove(struct call_table *table, struct call *call)
{
    struct call **link = &table->buckets[bucket_of(table, view_of_text(call->entry_id))];
    while (*link != call) {
        link = &(*link)->next;
    }
    *link = call->next;
    table->count--;
}

struct call *call_table_next(const struct call_table *table, const struct call *call)
{
    size_t i = call ? bucket_of(table, view_of_text(call->entry_id)) + 1 : 0;
    if (call && call->next) {
        return call->next;
    }
    while (i < table->bucket_count && !table->buckets[i]) {
        i++;
    }
    return i < table->bucket_count ? table->buckets[i] : NULL;
}
