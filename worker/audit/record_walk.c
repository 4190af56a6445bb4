// See record_walk.h. A page is one pipeline of HMGETs, with which the rows of the next page come.
#include "record_walk.h"

#include "interrupt.h"
#include "record_index.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct walk {
    struct database *database;
    const struct selection *selection;
    enum database_order order;
    struct record_fields fields;
    bool is_whole; // what is wanted of a hash
    record_on_call *on_call;
    void *arg;
    struct stream_state stream;
    uint64_t selected;
    bool has_read_on; // past a first page
    bool is_over;     // as the callback, or the limit, wants it
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

// Entries that are still to be read.
struct range {
    struct entry_id from, to;
    bool is_empty;
};

static bool is_row(const redisReply *row)
{
    return reply_has_shape(row, REPLY_ROW);
}

static struct range make_range(struct entry_id from, struct entry_id to)
{
    return (struct range){from, to, entry_id_compare(from, to) > 0};
}

// Takes the rows of a page out of the range.
static void advance(struct range *range, const redisReply *rows, enum database_order order)
{
    const size_t count = reply_count(rows);
    if (count < DATABASE_PAGE) {
        range->is_empty = true;
        return;
    }
    const struct entry_id last = entry_id_of(rows->element[count - 1]->element[0]->str);
    *range = order == OLDEST_FIRST ? make_range(entry_id_after(last), range->to)
                                   : make_range(range->from, entry_id_before(last));
}

static bool has_room(const struct walk *walk, uint64_t more)
{
    const uint64_t limit = walk->selection->limit; // 0: none
    return limit == 0 || walk->selected + more < limit;
}

static void hand_out(struct walk *walk, const struct recorded_call *call)
{
    if (selection_has(walk->selection, call)) {
        walk->selected++;
        walk->is_over = !walk->on_call(call, walk->arg) || !has_room(walk, 0);
    }
}

static void hand_out_page(struct walk *walk, struct record_page *page)
{
    struct recorded_call call;
    for (size_t i = 0; i < reply_count(page->rows) && !walk->is_over; i++) {
        record_page_call(page, i, &call);
        hand_out(walk, &call);
    }
}

// Chooses rows from this one on by their fields: those that are selected, no more than the limit
// has room for. Returns the row after the last one that was looked at.
static size_t choose(const struct walk *walk, struct record_page *page, size_t from,
                     bool *is_chosen)
{
    struct recorded_call call;
    uint64_t chosen = 0;
    size_t i = from;
    for (; i < reply_count(page->rows) && has_room(walk, chosen); i++) {
        record_page_call(page, i, &call);
        is_chosen[i] = selection_has(walk->selection, &call);
        chosen += is_chosen[i];
    }
    return i;
}

// The fields tell which calls are selected, and of these the hash is read: no more than the limit.
// A call may have changed meanwhile, so it is looked at again; others are then chosen in its place.
static bool hand_out_whole(struct walk *walk, struct record_page *page)
{
    size_t from = 0;
    while (from < reply_count(page->rows) && !walk->is_over) {
        bool is_chosen[DATABASE_PAGE] = {false};
        const size_t end = choose(walk, page, from, is_chosen);
        if (!record_page_read_whole(page, walk->database, is_chosen)) {
            return false;
        }
        for (size_t i = from; i < end && !walk->is_over; i++) {
            if (is_chosen[i]) {
                struct recorded_call call;
                record_page_call(page, i, &call);
                hand_out(walk, &call);
            }
        }
        from = end;
    }
    return true;
}

// Reads what is recorded of the rows, and in the same pipeline the rows of the next page: `next`,
// NULL if they are not wanted yet.
static bool walk_page(struct walk *walk, redisReply *rows, const struct range *left,
                      redisReply **next)
{
    struct record_page page;
    record_page_init(&page, rows, &walk->fields);
    record_page_ask(&page, walk->database);
    if (!left->is_empty && walk->has_read_on) {
        database_page_send(walk->database, REDIS_KEY_WEBHOOKS, left->from, left->to, walk->order);
    }
    bool is_good = record_page_receive(&page, walk->database);
    if (!left->is_empty && walk->has_read_on) {
        *next = database_receive_page(walk->database);
    }
    is_good = is_good && record_page_ask_group(&page, walk->database, &walk->stream);
    if (is_good && walk->is_whole && walk->fields.count > 0) {
        is_good = hand_out_whole(walk, &page);
    } else if (is_good) {
        hand_out_page(walk, &page);
    }
    record_page_release(&page);
    return is_good && !database_is_lost(walk->database);
}

// The limit is often reached in the first page: what follows it is not read ahead.
static bool walk_range(struct walk *walk, struct entry_id from, struct entry_id to)
{
    struct range left = make_range(from, to);
    redisReply *next = NULL;
    bool is_good = true;
    while (is_good && !walk->is_over && (next || !left.is_empty)) {
        redisReply *rows = next ? next
                                : database_page(walk->database, REDIS_KEY_WEBHOOKS, left.from,
                                                left.to, walk->order);
        next = NULL;
        if (!reply_is_list(rows) || interrupt_came()) {
            freeReplyObject(rows);
            return false;
        }
        advance(&left, rows, walk->order);
        is_good = walk_page(walk, rows, &left, &next);
        walk->has_read_on = true;
    }
    freeReplyObject(next);
    return is_good;
}

// --- the index ----------------------------------------------------------------------------------

static bool walk_minute(struct walk *walk, uint64_t minute, struct entry_id from,
                        struct entry_id to)
{
    const struct entry_id first = {minute * REDIS_INDEX_MS, 0};
    const struct entry_id last = {first.ms + REDIS_INDEX_MS - 1, UINT64_MAX};
    return walk_range(walk, entry_id_compare(first, from) > 0 ? first : from,
                      entry_id_compare(last, to) < 0 ? last : to);
}

// Few minutes at first, for the limit may be reached soon.
static bool walk_index(struct walk *walk, const struct facets *facets, struct entry_id from,
                       struct entry_id to)
{
    const uint64_t lowest = from.ms / REDIS_INDEX_MS, highest = to.ms / REDIS_INDEX_MS;
    const uint64_t total = highest - lowest + 1;
    bool is_forward = walk->order == OLDEST_FIRST;
    uint64_t minutes[RECORD_INDEX_MAX], at_once = RECORD_INDEX_MIN;
    bool has[RECORD_INDEX_MAX];
    for (uint64_t done = 0; done < total && !walk->is_over; at_once *= 2) {
        at_once = at_once < RECORD_INDEX_MAX ? at_once : RECORD_INDEX_MAX;
        const uint64_t count = total - done < at_once ? total - done : at_once;
        for (uint64_t i = 0; i < count; i++, done++) {
            minutes[i] = is_forward ? lowest + done : highest - done;
        }
        if (!record_index_look(walk->database, facets, minutes, count, has)) {
            return false;
        }
        for (uint64_t i = 0; i < count && !walk->is_over; i++) {
            bool may_be_unfinished =
                (minutes[i] + 1) * REDIS_INDEX_MS > walk->stream.unfinished_from.ms;
            if (interrupt_came() ||
                ((has[i] || may_be_unfinished) && !walk_minute(walk, minutes[i], from, to))) {
                return false;
            }
        }
    }
    return true;
}

bool record_walk(struct database *database, const struct selection *selection,
                 enum database_order order, const char *const *wanted, record_on_call *on_call,
                 void *arg)
{
    struct walk walk = {.database = database,
                        .selection = selection,
                        .order = order,
                        .is_whole = wanted == RECORD_WHOLE,
                        .on_call = on_call,
                        .arg = arg};
    struct facets facets;
    facets_set(&facets, selection);
    record_fields_set(&walk.fields, selection, wanted);
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
    return facets.groups > 0 && !is_sparse ? walk_index(&walk, &facets, from, to)
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
    return record_walk(database, &selection, OLDEST_FIRST, RECORD_NOTHING, on_candidate, search);
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
