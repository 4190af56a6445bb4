// What an entry and a hash say together, and which selection has it.
#include "recorded_call.h"
#include "selection.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 24
#define ENTRY "1700000000000-0"
#define OTHER "1700000000000-1"

// A list of strings, as Redis answers one.
struct list {
    redisReply reply, texts[WORDS_MAX], *elements[WORDS_MAX];
};

static redisReply *make_list(struct list *list, const char *const *words)
{
    size_t count = 0;
    memset(list, 0, sizeof *list);
    while (count < WORDS_MAX && words[count]) {
        redisReply *text = &list->texts[count];
        text->type = REDIS_REPLY_STRING;
        text->str = strdup(words[count]);
        text->len = strlen(words[count]);
        list->elements[count++] = text;
    }
    list->reply.type = REDIS_REPLY_ARRAY;
    list->reply.elements = count;
    list->reply.element = list->elements;
    return &list->reply;
}

static void release_list(struct list *list)
{
    for (size_t i = 0; i < list->reply.elements; i++) {
        free(list->texts[i].str);
    }
}

struct record {
    struct list fields, hash, id;
    redisReply row, *row_elements[2];
    struct recorded_call call;
};

static void read_call(struct record *record, const char *call_id, const char *const *hash,
                      bool is_unfinished)
{
    const char *const id[] = {ENTRY, NULL};
    const char *const fields[] = {
        "v",      "1", "kind",        "dialin",        "body",    "{\"From\":\"+1\",\"To\":\"+2\"}",
        "sha256", "0", "received_ms", "1700000000000", "call_id", call_id,
        NULL};
    make_list(&record->id, id);
    record->row_elements[0] = record->id.elements[0];
    record->row_elements[1] = make_list(&record->fields, fields);
    record->row =
        (redisReply){.type = REDIS_REPLY_ARRAY, .elements = 2, .element = record->row_elements};
    recorded_call_read(&record->call, &record->row, make_list(&record->hash, hash), is_unfinished);
}

static void release(struct record *record)
{
    release_list(&record->id);
    release_list(&record->fields);
    release_list(&record->hash);
}

static void the_state_is_what_the_hash_says_of_this_entry(void **state)
{
    (void)state;
    static const struct {
        const char *hash[WORDS_MAX];
        bool is_unfinished;
        enum recorded_state state;
        const char *from; // of the hash, where that is this entry's
    } CASES[] = {
        {{NULL}, true, RECORDED_QUEUED, "+1"},
        {{NULL}, false, RECORDED_UNKNOWN, "+1"},
        {{"entry", ENTRY, "state", "starting", "from", "+3"}, true, RECORDED_STARTING, "+3"},
        {{"entry", ENTRY, "state", "waiting", "from", "+3"}, true, RECORDED_WAITING, "+3"},
        {{"entry", ENTRY, "state", "started", "from", "+3"}, false, RECORDED_STARTED, "+3"},
        {{"entry", ENTRY, "state", "dead", "from", ""}, false, RECORDED_DEAD, ""},
        {{"entry", ENTRY, "state", "dead"}, false, RECORDED_DEAD, ""},
        {{"entry", ENTRY, "state", "parked", "from", "+3"}, true, RECORDED_QUEUED, "+1"},
        {{"entry", OTHER, "state", "started", "from", "+3"}, true, RECORDED_QUEUED, "+1"},
        {{"entry", OTHER, "state", "started", "from", "+3"}, false, RECORDED_UNKNOWN, "+1"},
        {{"entry", OTHER, "state", "started", "duplicate:" ENTRY, "1"},
         false,
         RECORDED_DUPLICATE,
         "+1"},
        {{"entry", OTHER, "state", "started", "duplicate:" OTHER, "1"},
         false,
         RECORDED_UNKNOWN,
         "+1"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct record record;
        read_call(&record, "c", CASES[i].hash, CASES[i].is_unfinished);
        if (record.call.state != CASES[i].state || strcmp(record.call.from, CASES[i].from) != 0) {
            fail_msg("case %zu: %s, from '%s'", i, recorded_state_name(record.call.state),
                     record.call.from);
        }
        release(&record);
    }
}

static void a_call_is_recorded_under_a_name(void **state)
{
    (void)state;
    static const char *const CASES[][2] = {
        {"c-1", "c-1"},           {"c-1~r1", "c-1~r1"},         {"", "entry-" ENTRY},
        {" c", "entry-" ENTRY},   {"c ", "entry-" ENTRY},       {"a b", "a b"},
        {"a\nb", "entry-" ENTRY}, {"\xc3\xa4", "entry-" ENTRY},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct record record;
        read_call(&record, CASES[i][0], (const char *const[]){NULL}, true);
        assert_string_equal(record.call.call_id, CASES[i][1]);
        release(&record);
    }
}

static void waiting_ends_with_the_call(void **state)
{
    (void)state;
    static const struct {
        const char *hash[WORDS_MAX];
        uint64_t waited_ms; // 5 s after the webhook
    } CASES[] = {
        {{NULL}, 5000},
        {{"entry", ENTRY, "state", "waiting", "updated_ms", "1700000000500"}, 5000},
        {{"entry", ENTRY, "state", "started", "started_ms", "1700000000250"}, 250},
        {{"entry", ENTRY, "state", "started", "started_ms", "1699999999999"}, 0},
        {{"entry", ENTRY, "state", "started"}, 0},
        {{"entry", ENTRY, "state", "dead", "updated_ms", "1700000000750"}, 750},
        {{"entry", OTHER, "duplicate:" ENTRY, "1"}, 0},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct record record;
        read_call(&record, "c", CASES[i].hash, true);
        uint64_t waited_ms = recorded_call_waited_ms(&record.call, 1700000005000);
        if (waited_ms != CASES[i].waited_ms) {
            fail_msg("case %zu: %llu ms", i, (unsigned long long)waited_ms);
        }
        release(&record);
    }
}

static void a_selection_compares_all_that_it_names(void **state)
{
    (void)state;
    static const char *const HASH[] = {"entry",   ENTRY,  "state", "dead", "reason",
                                       "expired", "from", "+3",    "to",   "+4",
                                       "agent",   "a",    NULL};
    static const struct {
        struct selection selection;
        bool is_selected;
    } CASES[] = {
        {{.until_ms = UINT64_MAX}, true},
        {{.since_ms = 1700000000000, .until_ms = 1700000000000}, true},
        {{.since_ms = 1700000000001, .until_ms = UINT64_MAX}, false},
        {{.until_ms = 1699999999999}, false},
        {{.until_ms = UINT64_MAX, .from = "+3", .to = "+4", .state = "dead"}, true},
        {{.until_ms = UINT64_MAX, .reason = "expired", .agent = "a"}, true},
        {{.until_ms = UINT64_MAX, .from = "+3", .to = "+3"}, false},
        {{.until_ms = UINT64_MAX, .from = "+"}, false},
        {{.until_ms = UINT64_MAX, .from = ""}, false},
        {{.until_ms = UINT64_MAX, .state = "started"}, false},
        {{.until_ms = UINT64_MAX, .reason = "rejected"}, false},
        {{.until_ms = UINT64_MAX, .agent = "A"}, false},
    };
    struct record record;
    read_call(&record, "c", HASH, false);
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        if (selection_has(&CASES[i].selection, &record.call) != CASES[i].is_selected) {
            fail_msg("case %zu", i);
        }
    }
    release(&record);
}

static void duplicates_are_selected_by_name_only(void **state)
{
    (void)state;
    static const char *const HASH[] = {"entry", OTHER, "duplicate:" ENTRY, "1", NULL};
    struct record record;
    read_call(&record, "c", HASH, false);
    struct selection selection = {.until_ms = UINT64_MAX};
    assert_false(selection_has(&selection, &record.call));
    selection.with_duplicates = true;
    assert_true(selection_has(&selection, &record.call));
    selection = (struct selection){.until_ms = UINT64_MAX, .state = "duplicate", .from = "+1"};
    assert_true(selection_has(&selection, &record.call));
    release(&record);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_state_is_what_the_hash_says_of_this_entry),
        cmocka_unit_test(a_call_is_recorded_under_a_name),
        cmocka_unit_test(waiting_ends_with_the_call),
        cmocka_unit_test(a_selection_compares_all_that_it_names),
        cmocka_unit_test(duplicates_are_selected_by_name_only),
    };
    return cmocka_run_group_tests_name("recorded_call", tests, NULL, NULL);
}
