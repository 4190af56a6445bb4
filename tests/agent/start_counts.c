// An open-addressing hash table that doubles when it is half full. Keys are never removed one by
// one, so that probing needs no tombstones.
#include "start_counts.h"

#include "json.h"
#include "memory.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS_FIRST 1024

struct slot {
    char *key; // NULL: free
    uint64_t hash;
    uint64_t count;
};

struct start_counts {
    struct slot *slots;
    size_t slot_count; // a power of two
    size_t keys;
    size_t repeated;
    uint64_t not_kept;
};

struct start_counts *start_counts_open(void)
{
    struct start_counts *counts = memory_zeroed(sizeof *counts);
    counts->slot_count = SLOTS_FIRST;
    counts->slots = memory_zeroed(SLOTS_FIRST * sizeof *counts->slots);
    return counts;
}

void start_counts_forget(struct start_counts *counts)
{
    for (size_t i = 0; i < counts->slot_count; i++) {
        free(counts->slots[i].key);
    }
    free(counts->slots);
    *counts = (struct start_counts){.slot_count = SLOTS_FIRST};
    counts->slots = memory_zeroed(SLOTS_FIRST * sizeof *counts->slots);
}

void start_counts_close(struct start_counts *counts)
{
    start_counts_forget(counts);
    free(counts->slots);
    free(counts);
}

// FNV-1a, 64 bits.
static uint64_t hash_of(const char *key)
{
    uint64_t hash = 0xcbf29ce484222325U;
    for (; *key; key++) {
        hash = (hash ^ (unsigned char)*key) * 0x100000001b3U;
    }
    return hash;
}

// The slot that holds the key, or the free one where it belongs.
static struct slot *find(struct slot *slots, size_t slot_count, uint64_t hash, const char *key)
{
    for (size_t i = hash & (slot_count - 1);; i = (i + 1) & (slot_count - 1)) {
        struct slot *slot = &slots[i];
        if (!slot->key || (slot->hash == hash && !strcmp(slot->key, key))) {
            return slot;
        }
    }
}

static void grow(struct start_counts *counts)
{
    size_t slot_count = 2 * counts->slot_count;
    struct slot *slots = memory_zeroed(slot_count * sizeof *slots);
    for (size_t i = 0; i < counts->slot_count; i++) {
        const struct slot *slot = &counts->slots[i];
        if (slot->key) {
            *find(slots, slot_count, slot->hash, slot->key) = *slot;
        }
    }
    free(counts->slots);
    counts->slots = slots;
    counts->slot_count = slot_count;
}

void start_counts_add(struct start_counts *counts, const char *key)
{
    uint64_t hash = hash_of(key);
    struct slot *slot = find(counts->slots, counts->slot_count, hash, key);
    if (slot->key) {
        counts->repeated += ++slot->count == 2;
        return;
    }
    if (counts->keys >= START_COUNTS_KEYS_MAX || strlen(key) > START_COUNTS_KEY_BYTES_MAX) {
        counts->not_kept++;
        return;
    }
    *slot = (struct slot){.key = memory_text(key), .hash = hash, .count = 1};
    if (2 * ++counts->keys > counts->slot_count) {
        grow(counts);
    }
}

uint64_t start_counts_of(const struct start_counts *counts, const char *key)
{
    return find(counts->slots, counts->slot_count, hash_of(key), key)->count;
}

size_t start_counts_keys(const struct start_counts *counts)
{
    return counts->keys;
}

size_t start_counts_repeated(const struct start_counts *counts)
{
    return counts->repeated;
}

uint64_t start_counts_not_kept(const struct start_counts *counts)
{
    return counts->not_kept;
}

bool start_counts_print(const struct start_counts *counts, uint64_t over, struct bytes *out)
{
    bool fits = bytes_append_text(out, "{");
    const char *separator = "";
    for (size_t i = 0; fits && i < counts->slot_count; i++) {
        const struct slot *slot = &counts->slots[i];
        if (slot->key && slot->count > over) {
            fits = bytes_append_text(out, separator) &&
                   json_append_text(out, view_of_text(slot->key)) &&
                   bytes_printf(out, ":%" PRIu64, slot->count);
            separator = ",";
        }
    }
    return fits && bytes_append_text(out, "}");
}
