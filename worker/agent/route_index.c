// See route_index.h. A route has up to three kinds of keys: all its `to`, all its `from`, one of
// its headers. It stands in the index by the kind that it shares with the fewest others. A key is a
// hash: two that collide cost a comparison, and no more.
#include "route_index.h"

#include "memory.h"
#include "route_match.h"

#include <stdlib.h>
#include <string.h>

#define HASH_START 0xcbf29ce484222325 // FNV-1a
#define HASH_FACTOR 0x100000001b3
#define LENGTH_MAX 31 // of the prefixes that fit the bits of `to_lengths`

// What is hashed first, so that keys of different kinds differ.
enum { TO_WHOLE = 'a', TO_PREFIX, FROM_WHOLE, FROM_PREFIX, HEADER };
enum kind { BY_TO, BY_FROM, BY_HEADER, KINDS };

static uint64_t hash_byte(uint64_t hash, char c)
{
    return (hash ^ (unsigned char)c) * HASH_FACTOR;
}

static uint64_t hash_text(uint64_t hash, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        hash = hash_byte(hash, text[i]);
    }
    return hash;
}

static uint64_t start(int first)
{
    return hash_byte(HASH_START, (char)first);
}

static uint64_t header_key(const char *name, const char *text)
{
    uint64_t hash = start(HEADER);
    for (; *name; name++) {
        hash = hash_byte(hash, *name >= 'A' && *name <= 'Z' ? (char)(*name | 0x20) : *name);
    }
    return hash_text(hash_byte(hash, '\0'), text, strlen(text));
}

// --- making it ----------------------------------------------------------------------------------

struct draft {
    struct {
        struct route_index_entry entry;
        enum kind kind;
    } * list;
    size_t count, room;
};

static void add(struct draft *draft, uint64_t key, size_t rule, enum kind kind)
{
    if (draft->count == draft->room) {
        draft->room = draft->room ? 2 * draft->room : 1024;
        draft->list = memory_resized(draft->list, draft->room * sizeof *draft->list);
    }
    draft->list[draft->count].entry = (struct route_index_entry){key, (uint32_t)rule};
    draft->list[draft->count++].kind = kind;
}

// Any number, and the beginning of an address, have no key.
static bool has_key(const struct route_pattern *pattern)
{
    return pattern->kind == ROUTE_PATTERN_DIGITS
               ? !pattern->is_prefix || pattern->len <= LENGTH_MAX
               : pattern->kind == ROUTE_PATTERN_ADDRESS && !pattern->is_prefix;
}

static void add_patterns(struct draft *draft, const struct route_patterns *patterns, size_t rule,
                         enum kind kind)
{
    for (size_t i = 0; i < patterns->count; i++) {
        if (!has_key(&patterns->list[i])) {
            return;
        }
    }
    for (size_t i = 0; i < patterns->count; i++) {
        const struct route_pattern *pattern = &patterns->list[i];
        int first = kind == BY_TO ? TO_WHOLE : FROM_WHOLE;
        add(draft, hash_text(start(first + pattern->is_prefix), pattern->text, pattern->len), rule,
            kind);
    }
}

static void add_header(struct draft *draft, const struct route_rule *rule, size_t number)
{
    for (size_t i = 0; i < rule->header_count; i++) {
        const struct route_header *header = &rule->headers[i];
        if (!header->is_prefix) {
            add(draft, header_key(header->name, header->text), number, BY_HEADER);
            return;
        }
    }
}

static int compare(const void *a, const void *b)
{
    const struct route_index_entry *x = a, *y = b; // the first member of a draft's element
    return x->key != y->key ? (x->key < y->key ? -1 : 1)
                            : (x->rule > y->rule) - (x->rule < y->rule);
}

// How many entries share a key, of each rule and kind: the most. 0: the rule has no such key.
static void count_sharers(const struct draft *draft, uint32_t (*sharers)[KINDS])
{
    for (size_t i = 0, end = 0; i < draft->count; i = end) {
        while (end < draft->count && draft->list[end].entry.key == draft->list[i].entry.key) {
            end++;
        }
        for (size_t j = i; j < end; j++) {
            uint32_t *most = &sharers[draft->list[j].entry.rule][draft->list[j].kind];
            *most = end - i > *most ? (uint32_t)(end - i) : *most;
        }
    }
}

static enum kind kind_of(const uint32_t sharers[KINDS])
{
    enum kind best = KINDS;
    for (enum kind kind = BY_TO; kind < KINDS; kind++) {
        if (sharers[kind] > 0 && (best == KINDS || sharers[kind] < sharers[best])) {
            best = kind;
        }
    }
    return best;
}

static uint32_t lengths_of(const struct route_patterns *patterns)
{
    uint32_t lengths = 0;
    for (size_t i = 0; i < patterns->count; i++) {
        lengths |= patterns->list[i].is_prefix ? 1U << patterns->list[i].len : 0;
    }
    return lengths;
}

static void keep_entries(struct route_index *index, struct route_arena *arena,
                         const struct draft *draft, uint32_t (*sharers)[KINDS])
{
    index->entries = route_arena_zeroed(arena, draft->count * sizeof *index->entries);
    for (size_t i = 0; i < draft->count; i++) {
        const struct route_index_entry *entry = &draft->list[i].entry;
        if (draft->list[i].kind == kind_of(sharers[entry->rule])) {
            index->entries[index->count++] = *entry;
        }
    }
}

void route_index_make(struct route_index *index, struct route_arena *arena,
                      const struct route_rule *rules, size_t count)
{
    struct draft draft = {NULL, 0, 0};
    uint32_t(*sharers)[KINDS] = memory_zeroed((count + 1) * sizeof *sharers);
    *index = (struct route_index){.rule_count = count};
    for (size_t i = 0; i < count; i++) {
        add_patterns(&draft, &rules[i].to, i, BY_TO);
        add_patterns(&draft, &rules[i].from, i, BY_FROM);
        add_header(&draft, &rules[i], i);
    }
    if (draft.count > 0) {
        qsort(draft.list, draft.count, sizeof *draft.list, compare);
    }
    count_sharers(&draft, sharers);
    keep_entries(index, arena, &draft, sharers);
    index->others = route_arena_zeroed(arena, count * sizeof *index->others);
    for (size_t i = 0; i < count; i++) {
        enum kind kind = kind_of(sharers[i]);
        index->to_lengths |= kind == BY_TO ? lengths_of(&rules[i].to) : 0;
        index->from_lengths |= kind == BY_FROM ? lengths_of(&rules[i].from) : 0;
        index->has_headers = index->has_headers || kind == BY_HEADER;
        if (kind == KINDS) {
            index->others[index->other_count++] = (uint32_t)i;
        }
    }
    free(sharers);
    free(draft.list);
}

// --- asking it ----------------------------------------------------------------------------------

static const struct route_index_entry *first_of(const struct route_index *index, uint64_t key)
{
    size_t low = 0, high = index->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (index->entries[middle].key < key) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return index->entries + low;
}

static void add_run(struct route_candidates *candidates, const struct route_index *index,
                    uint64_t key)
{
    const struct route_index_entry *end = index->entries + index->count;
    const struct route_index_entry *first = first_of(index, key), *last = first;
    while (last < end && last->key == key) {
        last++;
    }
    if (last == first) {
        return;
    }
    if (candidates->run_count == ROUTE_INDEX_RUNS_MAX) {
        candidates->next = 0; // all of them
        return;
    }
    candidates->runs[candidates->run_count].next = first;
    candidates->runs[candidates->run_count++].end = last;
}

static void add_runs_of_number(struct route_candidates *candidates, const struct route_index *index,
                               const struct phone_number *number, int whole, uint32_t lengths)
{
    const char *digits = number->digits, *address = route_pattern_address(number);
    uint64_t hash = start(whole + 1);
    for (size_t len = 1; len <= LENGTH_MAX && lengths >> len && digits[len - 1]; len++) {
        hash = hash_byte(hash, digits[len - 1]);
        if (lengths >> len & 1) {
            add_run(candidates, index, hash);
        }
    }
    if (digits[0]) {
        add_run(candidates, index, hash_text(start(whole), digits, strlen(digits)));
    }
    if (address[0]) {
        add_run(candidates, index, hash_text(start(whole), address, strlen(address)));
    }
}

void route_candidates_begin(struct route_candidates *candidates, const struct route_index *index,
                            const struct route_subject *subject)
{
    const cJSON *header = NULL;
    candidates->end = candidates->next = index->rule_count;
    candidates->run_count = 0;
    candidates->next_other = candidates->end_other = index->others;
    if (index->other_count > 0) { // else `others` may be NULL
        candidates->end_other += index->other_count;
    }
    if (index->count == 0) {
        return;
    }
    add_runs_of_number(candidates, index, &subject->to, TO_WHOLE, index->to_lengths);
    add_runs_of_number(candidates, index, &subject->from, FROM_WHOLE, index->from_lengths);
    cJSON_ArrayForEach(header, subject->headers)
    {
        const char *text = cJSON_GetStringValue(header);
        if (text && index->has_headers) {
            add_run(candidates, index, header_key(header->string, text));
        }
    }
    if (candidates->next == 0) {
        candidates->run_count = 0;
        candidates->next_other = candidates->end_other;
    }
}

bool route_candidates_next(struct route_candidates *candidates, size_t *rule)
{
    size_t first = SIZE_MAX;
    if (candidates->next < candidates->end) {
        *rule = candidates->next++;
        return true;
    }
    for (size_t i = 0; i < candidates->run_count; i++) {
        bool is_over = candidates->runs[i].next == candidates->runs[i].end;
        first = !is_over && candidates->runs[i].next->rule < first ? candidates->runs[i].next->rule
                                                                   : first;
    }
    if (candidates->next_other < candidates->end_other && *candidates->next_other < first) {
        first = *candidates->next_other;
    }
    for (size_t i = 0; i < candidates->run_count; i++) {
        while (candidates->runs[i].next < candidates->runs[i].end &&
               candidates->runs[i].next->rule == first) {
            candidates->runs[i].next++;
        }
    }
    if (candidates->next_other < candidates->end_other && *candidates->next_other == first) {
        candidates->next_other++;
    }
    *rule = first;
    return first != SIZE_MAX;
}
