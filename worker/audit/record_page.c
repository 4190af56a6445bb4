// See record_page.h. An entry without a record of its own is either not begun yet, which the
// consumer group knows, or a duplicate, which the hash of its call names, or finished and
// forgotten.
#include "record_page.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static const char ENTRY[] = "entry";

// --- the fields ---------------------------------------------------------------------------------

static void add_field(struct record_fields *fields, const char *name)
{
    for (size_t i = 0; i < fields->count; i++) {
        if (!strcmp(fields->names[i], name)) {
            return;
        }
    }
    assert(fields->count < RECORD_FIELDS_MAX);
    fields->names[fields->count++] = name;
}

static bool takes_every_call(const struct selection *selection)
{
    return !selection->state && !selection->reason && !selection->from && !selection->to &&
           !selection->agent && !selection->route && !selection->verdict && !selection->kind &&
           selection->limit == 0;
}

void record_fields_set(struct record_fields *fields, const struct selection *selection,
                       const char *const *wanted)
{
    const struct {
        const char *value, *name;
    } CHOSEN_BY[] = {
        {selection->state, "state"},     {selection->reason, "reason"}, {selection->from, "from"},
        {selection->to, "to"},           {selection->agent, "agent"},   {selection->route, "route"},
        {selection->verdict, "verdict"},
    };
    *fields = (struct record_fields){.count = 0};
    if (!wanted && takes_every_call(selection)) {
        return;
    }
    add_field(fields, ENTRY);
    add_field(fields, "state");
    for (size_t i = 0; i < sizeof CHOSEN_BY / sizeof CHOSEN_BY[0]; i++) {
        if (CHOSEN_BY[i].value) {
            add_field(fields, CHOSEN_BY[i].name);
        }
    }
    for (size_t i = 0; wanted && wanted[i]; i++) {
        add_field(fields, wanted[i]);
    }
}

// --- the page -----------------------------------------------------------------------------------

void record_page_init(struct record_page *page, redisReply *rows,
                      const struct record_fields *fields)
{
    page->rows = rows;
    page->fields = fields;
    for (size_t i = 0; i < reply_count(rows); i++) {
        page->values[i] = page->hashes[i] = NULL;
        page->first[i] = i;
        page->is_unfinished[i] = page->is_duplicate[i] = false;
        recorded_call_name(rows->element[i], page->names[i]);
    }
    for (size_t i = 0; i < fields->count; i++) {
        page->pair_names[i] = (redisReply){.type = REDIS_REPLY_STRING,
                                           .str = (char *)(uintptr_t)fields->names[i],
                                           .len = strlen(fields->names[i])};
    }
}

void record_page_release(struct record_page *page)
{
    for (size_t i = 0; i < reply_count(page->rows); i++) {
        freeReplyObject(page->values[i]);
        freeReplyObject(page->first[i] == i ? page->hashes[i] : NULL);
    }
    freeReplyObject(page->rows);
    page->rows = NULL;
}

// A call and its duplicates have one hash, which grows with their number: a page reads it once.
static size_t first_of_name(const struct record_page *page, size_t row, const bool *is_chosen)
{
    size_t first = 0;
    while (first < row && ((is_chosen && !is_chosen[first]) ||
                           strcmp(page->names[first], page->names[row]) != 0)) {
        first++;
    }
    return first;
}

// `is_chosen` NULL: all are.
static void ask_whole(struct record_page *page, struct database *database, const bool *is_chosen)
{
    for (size_t i = 0; i < reply_count(page->rows); i++) {
        if (is_chosen && !is_chosen[i]) {
            continue;
        }
        page->first[i] = first_of_name(page, i, is_chosen);
        if (page->first[i] == i) {
            const struct bytes_view argv[] = {
                VIEW("HGETALL"), database_key(database, REDIS_KEY_CALL, page->names[i])};
            database_send(database, 2, argv);
        }
    }
}

static bool receive_whole(struct record_page *page, struct database *database,
                          const bool *is_chosen)
{
    for (size_t i = 0; i < reply_count(page->rows); i++) {
        const size_t first = page->first[i];
        if (!is_chosen || is_chosen[i]) {
            page->hashes[i] =
                first == i ? database_receive_shaped(database, REPLY_FIELDS) : page->hashes[first];
        }
    }
    return !database_is_lost(database);
}

bool record_page_read_whole(struct record_page *page, struct database *database,
                            const bool *is_chosen)
{
    ask_whole(page, database, is_chosen);
    return receive_whole(page, database, is_chosen);
}

// --- questions ----------------------------------------------------------------------------------

void record_page_ask(struct record_page *page, struct database *database)
{
    struct bytes_view argv[2 + RECORD_FIELDS_MAX] = {VIEW("HMGET")};
    if (page->fields->count == 0) {
        ask_whole(page, database, NULL);
        return;
    }
    for (size_t i = 0; i < page->fields->count; i++) {
        argv[2 + i] = view_of_text(page->fields->names[i]);
    }
    for (size_t i = 0; i < reply_count(page->rows); i++) {
        argv[1] = database_key(database, REDIS_KEY_CALL, page->names[i]);
        database_send(database, 2 + page->fields->count, argv);
    }
}

bool record_page_receive(struct record_page *page, struct database *database)
{
    if (page->fields->count == 0) {
        return receive_whole(page, database, NULL);
    }
    for (size_t i = 0; i < reply_count(page->rows); i++) {
        page->values[i] = database_receive_shaped(database, "[?s]");
    }
    return !database_is_lost(database);
}

static bool is_its_own(const struct record_page *page, size_t row)
{
    const struct bytes_view entry = page->hashes[row]
                                        ? reply_field(page->hashes[row], ENTRY)
                                        : reply_view_at(page->values[row], 0); // the first field
    return view_equal(entry, reply_view(page->rows->element[row]->element[0]));
}

static bool is_to_be_asked(const struct record_page *page, size_t row,
                           const struct stream_state *stream)
{
    const struct entry_id id = entry_id_of(page->rows->element[row]->element[0]->str);
    return !is_its_own(page, row) && entry_id_compare(id, stream->delivered) <= 0 &&
           entry_id_compare(id, stream->unfinished_from) >= 0;
}

static void name_duplicate(const struct record_page *page, size_t row,
                           char name[RECORD_DUPLICATE_BYTES])
{
    snprintf(name, RECORD_DUPLICATE_BYTES, "duplicate:%.48s",
             page->rows->element[row]->element[0]->str);
}

static void send_group_questions(const struct record_page *page, struct database *database,
                                 const struct stream_state *stream)
{
    const struct bytes_view key = database_key(database, REDIS_KEY_WEBHOOKS, "");
    for (size_t i = 0; i < reply_count(page->rows); i++) {
        const struct bytes_view id = reply_view(page->rows->element[i]->element[0]);
        if (is_to_be_asked(page, i, stream)) {
            const struct bytes_view argv[] = {VIEW("XPENDING"), key, VIEW("workers"), id, id,
                                              VIEW("1")};
            database_send(database, 6, argv);
        }
        if (!is_its_own(page, i)) {
            char name[RECORD_DUPLICATE_BYTES];
            name_duplicate(page, i, name);
            const struct bytes_view argv[] = {
                VIEW("HEXISTS"), database_key(database, REDIS_KEY_CALL, page->names[i]),
                view_of_text(name)};
            database_send(database, 3, argv);
        }
    }
}

bool record_page_ask_group(struct record_page *page, struct database *database,
                           const struct stream_state *stream)
{
    send_group_questions(page, database, stream);
    for (size_t i = 0; i < reply_count(page->rows); i++) {
        const struct entry_id id = entry_id_of(page->rows->element[i]->element[0]->str);
        page->is_unfinished[i] = entry_id_compare(id, stream->delivered) > 0;
        if (is_to_be_asked(page, i, stream)) {
            redisReply *reply = database_receive(database);
            page->is_unfinished[i] = reply_count(reply) > 0;
            freeReplyObject(reply);
        }
        if (!is_its_own(page, i)) {
            redisReply *reply = database_receive(database);
            int64_t exists = 0;
            page->is_duplicate[i] = reply_integer(reply, 0, 1, &exists) && exists == 1;
            freeReplyObject(reply);
        }
    }
    return !database_is_lost(database);
}

// --- the calls ----------------------------------------------------------------------------------

static void add_pair(struct record_page *page, size_t name, redisReply *value)
{
    page->pair_members[page->pairs.elements++] = &page->pair_names[name];
    page->pair_members[page->pairs.elements++] = value;
}

static const redisReply *make_pairs(struct record_page *page, size_t row)
{
    const redisReply *values = page->values[row];
    page->pairs = (redisReply){.type = REDIS_REPLY_ARRAY, .element = page->pair_members};
    for (size_t i = 0; i < page->fields->count; i++) {
        if (reply_at(values, i, REDIS_REPLY_STRING)) {
            add_pair(page, i, values->element[i]);
        }
    }
    if (page->is_duplicate[row]) {
        redisReply *name = &page->pair_names[page->fields->count];
        name_duplicate(page, row, page->duplicate);
        *name = (redisReply){
            .type = REDIS_REPLY_STRING, .str = page->duplicate, .len = strlen(page->duplicate)};
        add_pair(page, page->fields->count, name);
    }
    return &page->pairs;
}

void record_page_call(struct record_page *page, size_t row, struct recorded_call *call)
{
    const redisReply *hash = page->hashes[row] ? page->hashes[row] : make_pairs(page, row);
    recorded_call_read(call, page->rows->element[row], hash, page->is_unfinished[row]);
}
