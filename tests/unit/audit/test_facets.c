// What is asked of the index for a selection, and what its answers mean.
#include "facets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#define MEMBERS_MAX 4

// An answer to SSCAN.
struct scan {
    redisReply reply, cursor, members, texts[MEMBERS_MAX];
    redisReply *parts[2], *elements[MEMBERS_MAX];
    char zero[2];
};

static const redisReply *make_scan(struct scan *scan, const char *const *members)
{
    memset(scan, 0, sizeof *scan);
    scan->zero[0] = '0';
    scan->cursor = (redisReply){.type = REDIS_REPLY_STRING, .str = scan->zero, .len = 1};
    scan->members = (redisReply){.type = REDIS_REPLY_ARRAY, .element = scan->elements};
    for (size_t i = 0; i < MEMBERS_MAX && members[i]; i++) {
        scan->texts[i] = (redisReply){.type = REDIS_REPLY_STRING,
                                      .str = (char *)(uintptr_t)members[i],
                                      .len = strlen(members[i])};
        scan->elements[scan->members.elements++] = &scan->texts[i];
    }
    scan->parts[0] = &scan->cursor;
    scan->parts[1] = &scan->members;
    scan->reply = (redisReply){.type = REDIS_REPLY_ARRAY, .elements = 2, .element = scan->parts};
    return &scan->reply;
}

static void a_number_has_a_pattern_if_members_must_be_looked_at(void **state)
{
    (void)state;
    static const struct {
        const char *wanted;
        const char *usual, *unusual; // the pattern without and with `?` in the minute
    } CASES[] = {
        {"+14158483432", NULL, "from:*"},    {"sip:anna@example.com", NULL, "from:*"},
        {"+1415*", "from:*1415*", "from:*"}, {"001 (415) *", "from:*1415*", "from:*"},
        {"anonymous", "from:*", "from:*"},   {"sip:an*", "from:*", "from:*"},
        {"*", "from:*", "from:*"},           {"", "from:*", "from:*"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        const struct selection selection = {.from = CASES[i].wanted};
        struct facets facets;
        facets_set(&facets, &selection);
        assert_int_equal(facets.search_count, 1);
        for (unsigned unusual = 0; unusual < 2; unusual++) {
            const struct facets_found found = {.unusual = unusual};
            const char *wanted = unusual ? CASES[i].unusual : CASES[i].usual;
            const char *pattern = facets_pattern(&facets.searches[0], &found);
            if (!wanted != !pattern || (wanted && strcmp(wanted, pattern) != 0)) {
                fail_msg("'%s': %s", CASES[i].wanted, pattern ? pattern : "no pattern");
            }
            assert_true(facets_can_be_met(&facets, &found) == (wanted != NULL));
        }
        const struct facets_found met = {.met = 1, .unusual = 1};
        assert_null(facets_pattern(&facets.searches[0], &met));
    }
}

static void a_member_is_what_the_selection_means(void **state)
{
    (void)state;
    static const struct {
        const char *wanted, *members[MEMBERS_MAX];
        bool is_found;
    } CASES[] = {
        {"+1415*", {"from:+14158483432"}, true},
        {"+1415*", {"from:+4914158", "from:0014159", NULL}, true},
        {"+1415*", {"from:+4914158483432"}, false},
        {"+1415*", {"from:+1 (415) 848-3432"}, true},
        {"+1415*", {"from:?", "from:", NULL}, false},
        {"+14158483432", {"from:\"A\" <sip:+14158483432@trunk.example>"}, true},
        {"anonymous", {"from:+1", "from:Anonymous", NULL}, true},
        {"anonymous", {"from:restricted"}, false},
        {"", {"from:"}, true},
        {"", {"from:+1"}, false},
        {"+1415*", {NULL}, false},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        const struct selection selection = {.from = CASES[i].wanted};
        struct facets facets;
        struct scan scan;
        struct facets_found found = {0, 0};
        facets_set(&facets, &selection);
        const redisReply *reply = make_scan(&scan, CASES[i].members);
        bool is_found = facets_take_scan(&facets.searches[0], reply, &found);
        if (is_found != CASES[i].is_found || facets_are_met(&facets, &found) != is_found) {
            fail_msg("case %zu, '%s'", i, CASES[i].wanted);
        }
    }
}

static void without_what_the_index_knows_nothing_is_asked(void **state)
{
    (void)state;
    const struct selection selections[] = {
        {.since_ms = 1}, {.kind = "dialout"}, {.verdict = "ended"}, {.state = "unknown"}};
    for (size_t i = 0; i < sizeof selections / sizeof selections[0]; i++) {
        struct facets facets;
        facets_set(&facets, &selections[i]);
        assert_int_equal(facets.groups, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_number_has_a_pattern_if_members_must_be_looked_at),
        cmocka_unit_test(a_member_is_what_the_selection_means),
        cmocka_unit_test(without_what_the_index_knows_nothing_is_asked),
    };
    return cmocka_run_group_tests_name("facets", tests, NULL, NULL);
}
