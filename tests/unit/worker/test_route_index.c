// The index of routes: with it the same route takes a call as without it, whatever the routes and
// the call; and it spares the others.
#include "route_match.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILES 300
#define CALLS_EACH 60
#define ROUTES_MAX 40
#define NOON_MS 1795608000000
#define HEADERS_MAX 200

static unsigned seed = 1126;

static unsigned any(unsigned count)
{
    seed = seed * 1103515245 + 12345;
    return (seed >> 16) % count;
}

static bool parse(struct route_file *file, const char *text)
{
    static const struct route OWN = {.agent = "own", .start_url = "https://bot.example.com/start"};
    const struct route_environment environment = {.agent = &OWN};
    struct bytes problem;
    bytes_init(&problem, 4096);
    bool is_good = route_file_parse(file, view_of_text(text), &environment, &problem);
    if (!is_good) {
        fail_msg("%s: %s", bytes_text(&problem), text);
    }
    bytes_release(&problem);
    return is_good;
}

// Of few digits and words, so that many are equal or begin alike.
static void append_party(struct bytes *out, bool is_pattern)
{
    static const char *const OTHERS[] = {
        "sip:ann@example.com", "sip:Ann@Example.com", "sip:ann",         "anonymous",
        "sip:+1212@a.example", "sips:lobby desk",     "bob@example.com", "sip:bob@example.com"};
    if (is_pattern && any(12) == 0) {
        bytes_append_text(out, "\"*\"");
        return;
    }
    bytes_append_text(out, "\"");
    if (any(4) == 0) {
        bytes_append_text(out, OTHERS[any(sizeof OTHERS / sizeof OTHERS[0])]);
    } else {
        bytes_append_text(out, any(3) ? "+1" : "001");
        for (unsigned left = any(4); left > 0; left--) {
            bytes_printf(out, "%u", 1 + any(2));
        }
    }
    bytes_append_text(out, is_pattern && any(3) == 0 ? "*\"" : "\"");
}

static void append_patterns(struct bytes *out, const char *name)
{
    bytes_printf(out, ",\"%s\":[", name);
    append_party(out, true);
    for (unsigned left = any(3); left > 0; left--) {
        bytes_append_text(out, ",");
        append_party(out, true);
    }
    bytes_append_text(out, "]");
}

static void append_headers(struct bytes *out, const char *name, bool is_pattern)
{
    static const char *const NAMES[] = {"X-A", "x-a", "X-B", "X-C"};
    unsigned first = any(4), count = 1 + any(2);
    bytes_printf(out, ",\"%s\":{", name);
    for (unsigned i = 0; i < count; i++) {
        bytes_printf(out, "%s\"%s\":\"%u%s\"", i > 0 ? "," : "", NAMES[(first + i) % 4], any(3),
                     is_pattern && any(4) == 0 ? "*" : "");
    }
    bytes_append_text(out, "}");
}

static void make_file(struct bytes *out)
{
    unsigned count = 1 + any(ROUTES_MAX);
    bytes_clear(out);
    bytes_append_text(out, "{\"routes\":[");
    for (unsigned i = 0; i < count; i++) {
        bytes_printf(out, "%s{\"name\":\"r%u\"", i > 0 ? "," : "", i);
        if (any(4)) {
            append_patterns(out, "to");
        }
        if (any(2)) {
            append_patterns(out, "from");
        }
        if (any(3) == 0) {
            append_headers(out, "sip_header", true);
        }
        if (any(5) == 0) {
            bytes_append_text(out, ",\"share\":50");
        }
        bytes_append_text(out, "}");
    }
    bytes_append_text(out, "]}");
}

static void make_webhook(struct bytes *out)
{
    bytes_clear(out);
    bytes_append_text(out, "{\"callId\":\"c\"");
    bytes_append_text(out, ",\"To\":");
    append_party(out, false);
    if (any(6)) {
        bytes_append_text(out, ",\"From\":");
        append_party(out, false);
    }
    if (any(2)) {
        append_headers(out, "sipHeaders", false);
    }
    bytes_append_text(out, "}");
}

static const struct route_rule *choose_one_by_one(const struct route_file *file,
                                                  const struct route_subject *subject)
{
    for (size_t i = 0; i < file->count; i++) {
        if (!route_mismatch(&file->rules[i], subject)) {
            return &file->rules[i];
        }
    }
    return NULL;
}

static void set_subject(struct route_subject *subject, struct json_document *webhook,
                        const char *text)
{
    char call_id[16];
    snprintf(call_id, sizeof call_id, "c-%u", any(1000));
    assert_null(json_parse(webhook, view_of_text(text)));
    route_subject_set(subject, webhook->tree, view_of_text(call_id), NOON_MS);
}

static void the_same_route_takes_a_call_as_one_by_one(void **state)
{
    (void)state;
    struct bytes text, call;
    unsigned taken = 0, none = 0;
    bytes_init(&text, 65536);
    bytes_init(&call, 4096);
    for (unsigned i = 0; i < FILES; i++) {
        struct route_file file;
        make_file(&text);
        parse(&file, text.data);
        for (unsigned j = 0; j < CALLS_EACH; j++) {
            struct json_document webhook;
            struct route_subject subject;
            make_webhook(&call);
            set_subject(&subject, &webhook, call.data);
            const struct route_rule *expected = choose_one_by_one(&file, &subject);
            const struct route_rule *chosen = route_choose(&file, &subject);
            if (chosen != expected) {
                fail_msg("%s, not %s, takes %s of %s", chosen ? chosen->name : "none",
                         expected ? expected->name : "none", call.data, text.data);
            }
            taken += expected != NULL;
            none += expected == NULL;
            json_release(&webhook);
        }
        route_file_release(&file);
    }
    assert_true(taken > 1000);
    assert_true(none > 1000);
    bytes_release(&text);
    bytes_release(&call);
}

// In the order of the routes, each once.
static size_t candidates_of(const struct route_file *file, const char *webhook_text)
{
    struct json_document webhook;
    struct route_subject subject;
    struct route_candidates candidates;
    size_t count = 0, before = SIZE_MAX, rule = 0;
    set_subject(&subject, &webhook, webhook_text);
    route_candidates_begin(&candidates, &file->index, &subject);
    while (route_candidates_next(&candidates, &rule)) {
        assert_true(before == SIZE_MAX || rule > before);
        assert_true(rule < file->count);
        before = rule;
        count++;
    }
    json_release(&webhook);
    return count;
}

// `members`: of each route, with its number in place of each %u.
static void parse_many(struct route_file *file, const char *members, const char *last)
{
    struct bytes text;
    bytes_init(&text, ROUTE_FILE_BYTES_MAX);
    bytes_append_text(&text, "{\"routes\":[");
    for (unsigned i = 0; i < ROUTE_FILE_ROUTES_MAX - 1; i++) {
        bytes_printf(&text, "{\"name\":\"r%u\",", i);
        const char *at = members;
        for (const char *next = NULL; (next = strstr(at, "%u")) != NULL; at = next + 2) {
            bytes_append(&text, at, (size_t)(next - at));
            bytes_printf(&text, "%04u", i);
        }
        bytes_append_text(&text, at);
        bytes_append_text(&text, "},");
    }
    bytes_printf(&text, "{\"name\":\"last\"%s}]}", last);
    parse(file, text.data);
    bytes_release(&text);
}

static void of_a_thousand_routes_few_are_looked_at(void **state)
{
    (void)state;
    static const char CALL[] = "{\"To\":\"+14150500\",\"From\":\"+16280500\","
                               "\"sipHeaders\":{\"x-other\":\"1\",\"x-tenant\":\"t-0500\"}}";
    static const struct {
        const char *members, *last;
        size_t candidates;
    } CASES[] = {
        {"\"to\":\"+1415%u\"", "", 2},
        {"\"to\":[\"+1415%u*\",\"+1416%u\"]", "", 2},
        {"\"to\":\"+1415%u\"", ",\"to\":\"+49*\"", 1},
        {"\"to\":[\"+14150500\",\"sip:a@b.example\"],\"from\":\"+1628%u\"", "", 2},
        {"\"to\":\"+1415%u\",\"from\":\"+1*\"", "", 2},
        {"\"sip_header\":{\"X-Tenant\":\"t-%u\"}", "", 2},
        {"\"to\":\"+1*\",\"sip_header\":{\"X-Tenant\":\"t-%u\"}", "", 2},
        {"\"to\":\"sip:%u@example.com\"", "", 1},
        {"\"to\":\"sip:a%u*\"", "", 1000}, // the beginning of an address has no key
        {"\"share\":1", "", 1000},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct route_file file;
        parse_many(&file, CASES[i].members, CASES[i].last);
        size_t count = candidates_of(&file, CALL);
        if (count != CASES[i].candidates) {
            fail_msg("%s: %zu candidates", CASES[i].members, count);
        }
        route_file_release(&file);
    }
}

static void a_call_with_very_many_keys_has_all_routes(void **state)
{
    (void)state;
    struct route_file file;
    struct bytes call;
    bytes_init(&call, 65536);
    parse_many(&file, "\"sip_header\":{\"X-%u\":\"1\"}", "");
    for (unsigned count = ROUTE_INDEX_RUNS_MAX; count <= HEADERS_MAX; count += HEADERS_MAX / 2) {
        bytes_clear(&call);
        bytes_append_text(&call, "{\"To\":\"+1\",\"sipHeaders\":{\"A\":\"1\"");
        for (unsigned i = 0; i < count; i++) {
            bytes_printf(&call, ",\"x-%04u\":\"1\"", i);
        }
        bytes_append_text(&call, "}}");
        size_t expected = count > ROUTE_INDEX_RUNS_MAX ? ROUTE_FILE_ROUTES_MAX : count + 1;
        assert_int_equal(candidates_of(&file, call.data), expected);
    }
    route_file_release(&file);
    bytes_release(&call);
}

static void no_routes_have_no_candidates(void **state)
{
    (void)state;
    struct route_file file;
    parse(&file, "{\"routes\":[]}");
    assert_int_equal(candidates_of(&file, "{\"To\":\"+1\"}"), 0);
    route_file_release(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_route_takes_a_call_as_one_by_one),
        cmocka_unit_test(of_a_thousand_routes_few_are_looked_at),
        cmocka_unit_test(a_call_with_very_many_keys_has_all_routes),
        cmocka_unit_test(no_routes_have_no_candidates),
    };
    json_init();
    return cmocka_run_group_tests_name("route_index", tests, NULL, NULL);
}
