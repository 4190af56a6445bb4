// Routes by number: which files are taken, and which route takes a call. Tables of cases.
#include "route_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static const char *key_of(const char *variable, void *arg)
{
    (void)arg;
    return !strcmp(variable, "SALES_KEY") ? "the-key" : NULL;
}

static bool parse(struct route_file *file, const char *text, struct bytes *problem)
{
    bytes_init(problem, 4096);
    return route_file_parse(file, view_of_text(text), key_of, NULL, problem);
}

static void bad_files_are_refused_with_line_and_reason(void **state)
{
    (void)state;
    static const struct {
        const char *text, *problem;
    } CASES[] = {
        {"", "line 1: there is no text"},
        {"[]", "line 1: it is not a JSON object"},
        {"{}", "line 1: the file must be {\"routes\": […]} and nothing else"},
        {"{\"routes\":{}}", "line 1: the file must be {\"routes\": […]} and nothing else"},
        {"{\"routes\":[],\"x\":1}", "line 1: the file must be {\"routes\": […]} and nothing else"},
        {"{\n\"routes\": [\n{\"to\": +1}\n]}", "line 3: "},
        {"{\"routes\":[\n1]}", "line 2: a route: it is not a JSON object"},
        {"{\"routes\":[{},\n\n{\"too\":\"+1\"}]}", "line 3: too is no member of a route"},
        {"{\"routes\":[\n{\"to\":\"+1*2\"}]}", "line 2: to must be a text"},
        {"{\"routes\":[\n{\"from\":\"\"}]}", "line 2: from must be a text"},
        {"{\"routes\":[{\"to\":7}]}", "line 1: to must be a text"},
        {"{\"routes\":[{\"sip_header\":[]}]}", "line 1: sip_header must be an object"},
        {"{\"routes\":[{\"sip_header\":{\"X\":1}}]}", "line 1: sip_header must be a text"},
        {"{\"routes\":[{\"agent\":\"a b\"}]}", "line 1: agent may have letters"},
        {"{\"routes\":[{\"agent\":\"\"}]}", "line 1: agent must be a text"},
        {"{\"routes\":[{\"start_url\":\"ftp://x/\"}]}", "line 1: start_url must start with"},
        {"{\"routes\":[{\"start_url\":\"http://example.com/\"}]}", "line 1: start_url sends"},
        {"{\"routes\":[{\"api_key_env\":\"SALES_KEY\"}]}", "line 1: api_key_env needs an agent"},
        {"{\"routes\":[{\"agent\":\"a\",\"api_key_env\":\"OTHER\"}]}", "line 1: OTHER is not set"},
        {"{\"routes\":[{\"max_in_flight\":0}]}", "line 1: max_in_flight must be a whole number"},
        {"{\"routes\":[{\"max_in_flight\":1.5}]}", "line 1: max_in_flight must be a whole number"},
        {"{\"routes\":[{\"max_in_flight\":\"1\"}]}",
         "line 1: max_in_flight must be a whole number"},
        {"{\"routes\":[{\"hold_limit_s\":3601}]}", "line 1: hold_limit_s must be a whole number"},
        {"{\"routes\":[{\"body\":[]}]}", "line 1: body must be an object"},
        {"{\"routes\":[{\"room\":null}]}", "line 1: room must be an object"},
        {"{\"routes\":[{\"room\":{\"a\":1,\"a\":2}}]}", "line 1: room a field is repeated"},
        {"{\"routes\":[{\"to\":\"+1\",\"to\":\"+2\"}]}", "line 1: a route: a field is repeated"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct route_file file;
        struct bytes problem;
        if (parse(&file, CASES[i].text, &problem)) {
            fail_msg("taken: %s", CASES[i].text);
        }
        if (strncmp(bytes_text(&problem), CASES[i].problem, strlen(CASES[i].problem)) != 0) {
            fail_msg("%s: %s", CASES[i].text, bytes_text(&problem));
        }
        assert_int_equal(file.count, 0);
        bytes_release(&problem);
    }
}

static void a_route_says_where_a_call_goes(void **state)
{
    (void)state;
    struct route_file file;
    struct bytes problem;
    assert_true(parse(&file,
                      "{\"routes\":[{\"agent\":\"sales\",\"api_key_env\":\"SALES_KEY\"},"
                      "{\"agent\":\"own\",\"start_url\":\"https://bots.example.com/start\","
                      "\"max_in_flight\":20,\"hold_limit_s\":60,\"body\":{\"a\":{\"b\":[1]}},"
                      "\"room\":{\"x\":\"]},{\"}},{\"start_url\":\"http://127.0.0.1/start\"},{}]}",
                      &problem));
    assert_int_equal(file.count, 4);
    assert_string_equal(file.rules[0].route.start_url,
                        "https://api.pipecat.daily.co/v1/public/sales/start");
    assert_string_equal(file.rules[0].route.api_key, "the-key");
    assert_string_equal(file.rules[1].route.agent, "own");
    assert_string_equal(file.rules[1].route.start_url, "https://bots.example.com/start");
    assert_null(file.rules[1].route.api_key);
    assert_int_equal(file.rules[1].max_in_flight, 20);
    assert_int_equal(file.rules[1].hold_limit_s, 60);
    assert_string_equal(json_text(file.rules[1].room->tree, "x"), "]},{");
    assert_int_equal(file.rules[1].body->member_count, 1);
    assert_string_equal(file.rules[2].route.agent, "127.0.0.1/start");
    assert_string_equal(file.rules[3].route.agent, "");
    route_file_release(&file);
    bytes_release(&problem);
}

static void the_first_that_matches_wins(void **state)
{
    (void)state;
    static const char FILE[] =
        "{\"routes\":["
        "{\"agent\":\"vip\",\"from\":\"+14158483432\",\"to\":\"+1415*\"},"
        "{\"agent\":\"acme\",\"sip_header\":{\"X-Tenant\":\"acme\",\"X-Kind\":\"*\"}},"
        "{\"agent\":\"sales\",\"to\":\"+1415*\"},"
        "{\"agent\":\"rest\",\"from\":\"*\",\"to\":\"+1*\"}]}";
    static const struct {
        const char *webhook, *agent;
    } CASES[] = {
        {"{\"To\":\"+14152251493\",\"From\":\"+14158483432\"}", "vip"},
        {"{\"To\":\"+14152251493\",\"From\":\"+141584834320\"}", "sales"},
        {"{\"To\":\"+16502251493\",\"From\":\"+14158483432\"}", "rest"},
        {"{\"To\":\"+4930\",\"From\":\"anonymous\"}", NULL},
        {"{\"To\":\"+4930\",\"From\":\"a\",\"sipHeaders\":{\"x-tenant\":\"acme\",\"X-KIND\":\"b\"}"
         "}",
         "acme"},
        {"{\"To\":\"+4930\",\"From\":\"a\",\"sipHeaders\":{\"X-Tenant\":\"acme\"}}", NULL},
        {"{\"To\":\"+4930\",\"From\":\"a\",\"sipHeaders\":{\"X-Tenant\":\"acme2\",\"X-Kind\":\"b\"}"
         "}",
         NULL},
        {"{\"dialout_settings\":[1]}", NULL},
    };
    struct route_file file;
    struct bytes problem;
    assert_true(parse(&file, FILE, &problem));
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct json_document webhook;
        assert_null(json_parse(&webhook, view_of_text(CASES[i].webhook)));
        const struct route_rule *rule = route_file_choose(&file, webhook.tree);
        const char *agent = rule ? rule->route.agent : NULL;
        if (CASES[i].agent ? !agent || strcmp(agent, CASES[i].agent) != 0 : agent != NULL) {
            fail_msg("%s: %s", CASES[i].webhook, agent ? agent : "none");
        }
        json_release(&webhook);
    }
    route_file_release(&file);
    bytes_release(&problem);
}

static void there_is_a_limit_to_their_number(void **state)
{
    (void)state;
    struct bytes text, problem;
    struct route_file file;
    for (unsigned count = ROUTE_FILE_ROUTES_MAX; count <= ROUTE_FILE_ROUTES_MAX + 1; count++) {
        bytes_init(&text, ROUTE_FILE_BYTES_MAX);
        bytes_append_text(&text, "{\"routes\":[{}");
        for (unsigned i = 1; i < count; i++) {
            bytes_append_text(&text, ",{}");
        }
        bytes_append_text(&text, "]}");
        assert_int_equal(parse(&file, text.data, &problem), count == ROUTE_FILE_ROUTES_MAX);
        route_file_release(&file);
        bytes_release(&text);
        bytes_release(&problem);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_files_are_refused_with_line_and_reason),
        cmocka_unit_test(a_route_says_where_a_call_goes),
        cmocka_unit_test(the_first_that_matches_wins),
        cmocka_unit_test(there_is_a_limit_to_their_number),
    };
    return cmocka_run_group_tests_name("route_file", tests, NULL, NULL);
}
