// See record_walk.h. A page is one XRANGE and one pipeline of HGETALLs. An entry without a record
// of its own is either not begun yet, which the consumer group knows, or finished and forgotten.
#include "record_walk.h"

#include "facets.h"
#include "interrupt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS_AT_ONCE 512
#define NUMBER_BYTES 24

struct walk {
    struct database *database;
    const struct selection *selection;
    enum database_order order;
    record_on_call *on_call;
    void *arg;
    struct stream_state stream;
    struct facets facets;
    uint64_t selected;
    bool is_over; // as the callback, or the limit, wants it
};

// --- the stream ---------------------------------------------------------------------------------

static struct entry_id id_member(const redisReply *fields, const char *name)
{
    const redisReply *member = reply_member(fields, name);
    return entry_id_of(member && member->type == REDIS_REPLY_STRING ? member->str : "0-0");
}

static uint64_t number_member(const redisReply *fields, const char *name)
{
    const redisReply *member = reply_member(fields, name);
    int64_t number = 0;
    reply_integer(member, 0, INT64_MAX, &number);
    return (uint64_t)number;
}

static void read_group(struct stream_state *state, const redisReply *groups,
                       const redisReply *pending)
{
    for (size_t i = 0; reply_is_list(groups) && i < groups->elements; i++) {
        const redisReply *group = groups->element[i];
        if (view_equal_text(reply_field(group, "name"), "workers")) {
            state->delivered = id_member(group, "last-delivered-id");
            state->pending = number_member(group, "pending");
        }
    }
    state->unfinished_from = entry_id_after(state->delivered);
    const redisReply *oldest = reply_at(pending, 1, REDIS_REPLY_STRING);
    if (oldest) {
        state->unfinished_from = entry_id_of(oldest->str);
    }
}

static void read_stream(struct stream_state *state, const redisReply *info)
{
    const redisReply *first = reply_member(info, "first-entry");
    state->added = number_member(info, "entries-added");
    state->length = number_member(info, "length");
    state->newest = id_member(info, "last-generated-id");
    state->oldest = entry_id_after(state->newest);
    if (reply_has_shape(first, REPLY_ROW)) {
        state->oldest = entry_id_of(first->element[0]->str);
    }
}

bool stream_state_read(struct database *database, struct stream_state *state)
{
    const struct bytes_view key = database_key(database, REDIS_KEY_WEBHOOKS, "");
    const struct bytes_view stream[] = {VIEW("XINFO"), VIEW("STREAM"), key};
    const struct bytes_view groups[] = {VIEW("XINFO"), VIEW("GROUPS"), key};
    const struct bytes_view pending[] = {VIEW("XPENDING"), key, VIEW("workers")};
    redisReply *replies[3];
    memset(state, 0, sizeof *state);
    database_send(database, 3, stream);
    database_send(database, 3, groups);
    database_send(database, 3, pending);
    for (size_t i = 0; i < 3; i++) {
        replies[i] = database_receive_or_absent(database);
    }
    bool is_answered = replies[0] && replies[1] && replies[2];
    if (is_answered && reply_is_list(replies[0])) {
        read_stream(state, replies[0]);
        read_group(state, replies[1], replies[2]);
    }
    for (size_t i = 0; i < 3; i++) {
        freeReplyObject(replies[i]);
    }
    return is_answered;
}

// --- a page -------------------------------------------------------------------------------------

// A call and its duplicates have one hash, which grows with their number: a page reads it once.
struct page {
    redisReply *rows;
    char names[DATABASE_PAGE][RECORDED_CALL_NAME_BYTES];
    size_t first[DATABASE_PAGE]; // of the rows with that name; it owns the hash
    redisReply *hashes[DATABASE_PAGE];
    bool is_unfinished[DATABASE_PAGE];
};

static bool is_row(const redisReply *row)
{
    return reply_has_shape(row, REPLY_ROW);
}

static size_t first_of_name(const struct page *page, size_t row)
{
    size_t first = 0;
    while (strcmp(page->names[first], page->names[row]) != 0) {
        first++;
    }
    return first;
}

static bool read_hashes(struct database *database, struct page *page)
{
    for (size_t i = 0; i < page->rows->elements; i++) {
        recorded_call_name(page->rows->element[i], page->names[i]);
        page->first[i] = first_of_name(page, i);
        if (page->first[i] == i) {
            const struct bytes_view argv[] = {
                VIEW("HGETALL"), database_key(database, REDIS_KEY_CALL, page->names[i])};
            database_send(database, 2, argv);
        }
    }
    for (size_t i = 0; i < page->rows->elements; i++) {
        const size_t first = page->first[i];
        page->hashes[i] =
            first == i ? database_receive_shaped(database, REPLY_FIELDS) : page->hashes[first];
    }
    return !database_is_lost(database);
}

// Asks the group about those entries that have no record of their own.
static bool ask_group(struct database *database, const struct stream_state *stream,
                      struct page *page)
{
    const struct bytes_view key = database_key(database, REDIS_KEY_WEBHOOKS, "");
    bool is_asked[DATABASE_PAGE] = {false};
    for (size_t i = 0; i < page->rows->elements; i++) {
        const char *entry = page->rows->element[i]->element[0]->str;
        const struct entry_id id = entry_id_of(entry);
        const struct bytes_view owner = reply_field(page->hashes[i], "entry");
        bool is_delivered = entry_id_compare(id, stream->delivered) <= 0;
        page->is_unfinished[i] = !is_delivered;
        is_asked[i] = is_delivered && !view_equal_text(owner, entry) &&
                      entry_id_compare(id, stream->unfinished_from) >= 0;
        if (is_asked[i]) {
            const struct bytes_view text = view_of_text(entry);
            const struct bytes_view argv[] = {VIEW("XPENDING"), key, VIEW("workers"), text, text,
                                              VIEW("1")};
            database_send(database, 6, argv);
        }
    }
    for (size_t i = 0; i < page->rows->elements; i++) {
        redisReply *reply = is_asked[i] ? database_receive(database) : NULL;
        page->is_unfinished[i] = page->is_unfinished[i] || (reply && reply->elements > 0);
        freeReplyObject(reply);
    }
    return !database_is_lost(database);
}

static void release_page(struct page *page)
{
    for (size_t i = 0; i < DATABASE_PAGE; i++) {
        freeReplyObject(page->first[i] == i ? page->hashes[i] : NULL);
    }
    freeReplyObject(page->rows);
}

static void hand_out(struct walk *walk, const struct page *page)
{
    struct recorded_call call;
    for (size_t i = 0; i < page->rows->elements && !walk->is_over; i++) {
        recorded_call_read(&call, page->rows->element[i], page->hashes[i], page->is_unfinished[i]);
        if (!selection_has(walk->selection, &call)) {
            continue;
        }
        walk->selected++;
        walk->is_over = !walk->on_call(&call, walk->arg) ||
                        walk->selected == walk->selection->limit; // 0: never
    }
}

static bool walk_range(struct walk *walk, struct entry_id from, struct entry_id to)
{
    bool has_more = entry_id_compare(from, to) <= 0;
    while (has_more && !walk->is_over) {
        struct page page = {
            .rows = database_page(walk->database, REDIS_KEY_WEBHOOKS, from, to, walk->order)};
        if (!reply_is_list(page.rows) || interrupt_came()) {
            freeReplyObject(page.rows);
            return false;
        }
        size_t count = page.rows->elements;
        bool is_good = true;
        for (size_t i = 0; i < count; i++) {
            is_good = is_good && is_row(page.rows->element[i]);
        }
        is_good = is_good && read_hashes(walk->database, &page) &&
                  ask_group(walk->database, &walk->stream, &page);
        has_more = count == DATABASE_PAGE;
        if (is_good && count > 0) {
            const struct entry_id last =
                entry_id_of(page.rows->element[count - 1]->element[0]->str);
            hand_out(walk, &page);
            from = walk->order == OLDEST_FIRST ? entry_id_after(last) : from;
            to = walk->order == NEWEST_FIRST ? entry_id_before(last) : to;
            has_more = has_more && entry_id_compare(from, to) <= 0;
        }
        release_page(&page);
        if (!is_good) {
            return false;
        }
    }
    return true;
}

// --- the index ----------------------------------------------------------------------------------

static void send_bucket(struct walk *walk, uint64_t bucket)
{
    char number[NUMBER_BYTES];
    struct bytes_view argv[2 + FACETS_MAX] = {VIEW("SMISMEMBER")};
    snprintf(number, sizeof number, "%llu", (unsigned long long)bucket);
    argv[1] = database_key(walk->database, REDIS_KEY_INDEX, number);
    for (size_t i = 0; i < walk->facets.count; i++) {
        argv[2 + i] = view_of_text(walk->facets.text[i]);
    }
    database_send(walk->database, 2 + walk->facets.count, argv);
}

static bool walk_bucket(struct walk *walk, uint64_t bucket, struct entry_id from,
                        struct entry_id to)
{
    const struct entry_id first = {bucket * REDIS_INDEX_MS, 0};
    const struct entry_id last = {first.ms + REDIS_INDEX_MS - 1, UINT64_MAX};
    return walk_range(walk, entry_id_compare(first, from) > 0 ? first : from,
                      entry_id_compare(last, to) < 0 ? last : to);
}

static bool walk_index(struct walk *walk, struct entry_id from, struct entry_id to)
{
    const uint64_t lowest = from.ms / REDIS_INDEX_MS, highest = to.ms / REDIS_INDEX_MS;
    const uint64_t total = highest - lowest + 1;
    bool is_forward = walk->order == OLDEST_FIRST;
    bool has[BUCKETS_AT_ONCE];
    for (uint64_t done = 0; done < total && !walk->is_over;) {
        const uint64_t count = total - done < BUCKETS_AT_ONCE ? total - done : BUCKETS_AT_ONCE;
        const uint64_t begin = done;
        for (uint64_t i = 0; i < count; i++) {
            send_bucket(walk, is_forward ? lowest + begin + i : highest - begin - i);
        }
        for (uint64_t i = 0; i < count; i++) {
            redisReply *reply = database_receive(walk->database);
            has[i] = facets_are_met(&walk->facets, reply);
            freeReplyObject(reply);
        }
        for (uint64_t i = 0; i < count && !walk->is_over; i++, done++) {
            const uint64_t bucket = is_forward ? lowest + begin + i : highest - begin - i;
            bool may_be_unfinished =
                (bucket + 1) * REDIS_INDEX_MS > walk->stream.unfinished_from.ms;
            if (database_is_lost(walk->database) || interrupt_came() ||
                ((has[i] || may_be_unfinished) && !walk_bucket(walk, bucket, from, to))) {
                return false;
            }
        }
    }
    return true;
}

bool record_walk(struct database *database, const struct selection *selection,
                 enum database_order order, record_on_call *on_call, void *arg)
{
    struct walk walk = {.database = database,
                        .selection = selection,
                        .order = order,
                        .on_call = on_call,
                        .arg = arg};
    facets_set(&walk.facets, selection);
    if (!stream_state_read(database, &walk.stream)) {
        return false;
    }
    struct entry_id from = walk.stream.oldest, to = walk.stream.newest;
    from = from.ms < selection->since_ms ? (struct entry_id){selection->since_ms, 0} : from;
    to = to.ms > selection->until_ms ? (struct entry_id){selection->until_ms, UINT64_MAX} : to;
    if (walk.stream.length == 0 || entry_id_compare(from, to) > 0) {
        return true;
    }
    // Of few calls in a long time there are more minutes to look into than entries to read.
    bool is_sparse = (to.ms - from.ms) / REDIS_INDEX_MS > walk.stream.length;
    return walk.facets.count > 0 && !is_sparse ? walk_index(&walk, from, to)
                                               : walk_range(&walk, from, to);
}

// --- one call -----------------------------------------------------------------------------------

struct search {
    const char *call_id;
    char entry[ENTRY_ID_BYTES];
    bool is_queued;
};

static bool on_candidate(const struct recorded_call *call, void *arg)
{
    struct search *search = arg;
    if (!strcmp(call->call_id, search->call_id)) {
        memcpy(search->entry, call->entry, sizeof search->entry);
        search->is_queued = call->state == RECORDED_QUEUED;
    }
    return !search->entry[0];
}

// Without a record, it is among those that nobody has begun, or its record was lost.
static bool search_unfinished(struct database *database, struct search *search)
{
    struct stream_state stream;
    struct selection selection = {.until_ms = UINT64_MAX};
    if (!stream_state_read(database, &stream)) {
        return false;
    }
    selection.since_ms = stream.unfinished_from.ms;
    return record_walk(database, &selection, OLDEST_FIRST, on_candidate, search);
}

static bool find_by_name(struct database *database, const char *call_id, struct recorded_call *call,
                         redisReply **row, redisReply **hash)
{
    struct search search = {.call_id = call_id};
    const struct bytes_view ask_hash[] = {VIEW("HGETALL"),
                                          database_key(database, REDIS_KEY_CALL, call_id)};
    *row = NULL;
    *hash = database_ask_shaped(database, REPLY_FIELDS, 2, ask_hash);
    const struct bytes_view entry = reply_field(*hash, "entry");
    view_copy(entry, search.entry, sizeof search.entry);
    if (*hash && (search.entry[0] || (search_unfinished(database, &search) && search.entry[0]))) {
        const struct bytes_view id = view_of_text(search.entry);
        const struct bytes_view ask_row[] = {
            VIEW("XRANGE"), database_key(database, REDIS_KEY_WEBHOOKS, ""), id, id};
        *row = database_ask_shaped(database, REPLY_ROWS, 4, ask_row);
    }
    bool is_found =
        *row && reply_is_list(*row) && (*row)->elements == 1 && is_row((*row)->element[0]);
    if (!is_found) {
        freeReplyObject(*row);
        freeReplyObject(*hash);
        *row = *hash = NULL;
        return false;
    }
    recorded_call_read(call, (*row)->element[0], *hash, search.is_queued);
    return true;
}

// The name under which the call of an entry is recorded; false if there is no such entry.
static bool name_of_entry(struct database *database, const char *entry,
                          char name[RECORDED_CALL_NAME_BYTES])
{
    const struct bytes_view id = view_of_text(entry);
    const struct bytes_view argv[] = {VIEW("XRANGE"),
                                      database_key(database, REDIS_KEY_WEBHOOKS, ""), id, id};
    redisReply *rows =
        entry_id_is_valid(entry) ? database_ask_shaped(database, REPLY_ROWS, 4, argv) : NULL;
    bool is_there = rows && reply_count(rows) == 1 && is_row(rows->element[0]);
    if (is_there) {
        recorded_call_name(rows->element[0], name);
    }
    freeReplyObject(rows);
    return is_there;
}

bool record_find(struct database *database, const char *call_id, struct recorded_call *call,
                 redisReply **row, redisReply **hash)
{
    char name[RECORDED_CALL_NAME_BYTES];
    return find_by_name(database, call_id, call, row, hash) ||
           (name_of_entry(database, call_id, name) &&
            find_by_name(database, name, call, row, hash));
}
