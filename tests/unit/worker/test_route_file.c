// Routes: which files are refused and why, what a route says, which route takes a call. Tables.
#include "route_match.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define NOON_MS 1795608000000 // Wednesday, 25 November 2026, 12:00 UTC

static const struct route OWN = {.agent = "own", .start_url = "https://bot.example.com/start"};

static const char *key_of(const char *variable, void *arg)
{
    (void)arg;
    return !strcmp(variable, "SALES_KEY")    ? "the-key"
           : !strcmp(variable, "OTHER_KEY")  ? "another-key"
           : !strcmp(variable, "CRM_SECRET") ? "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
                                             : NULL;
}

static bool parse(struct route_file *file, const char *text, struct bytes *problem)
{
    const struct route_environment environment = {&OWN, "cloud-key", key_of, NULL};
    bytes_init(problem, 65536);
    return route_file_parse(file, view_of_text(text), &environment, problem);
}

#define ROUTE(members) "{\"routes\":[{\"name\":\"a\"," members "}]}"

static const struct {
    const char *text, *problem;
} BAD_FILES[] = {
    {"", "line 1: there is no text"},
    {"[]", "line 1: it is not a JSON object"},
    {"{}", "line 1: the file needs \"routes\""},
    {"{\"routes\":{}}", "line 1: routes must be an array"},
    {"{\"routes\":[],\n\"x\":1}", "line 2: x is not a member of the file: agents, routes"},
    {"{\n\"routes\": [\n{\"to\": +1}\n]}", "line 3: "},
    {"{\"routes\":[\n1]}", "line 2: a route: it is not a JSON object"},
    {"{\"routes\":[\n{}]}", "line 2: a route needs a name"},
    {"{\"routes\":[{\"name\":\"a\"},\n{\"name\":\"a\"}]}", "line 2: a names two routes"},
    {"{\"routes\":[{\"name\":\"a b\"}]}", "line 1: name must be 1 to 64 letters"},
    {"{\"routes\":[{\"name\":7}]}", "line 1: name must be"},
    {"{\"routes\":[{\"name\":\"a\",\n\n\"too\":\"+1\"}]}",
     "line 3: too is not a member of a route: name, to, from, sip_header, hours, share"},
    {ROUTE("\"to\":\"+1*2\""), "line 1: to must be a text or texts"},
    {ROUTE("\"to\":[]"), "line 1: to must have from 1 to 256"},
    {ROUTE("\"to\":[7]"), "line 1: to must be a text or texts"},
    {ROUTE("\"to\":7"), "line 1: to must be a text or texts"},
    {ROUTE("\"from\":\"\""), "line 1: from must be a text or texts"},
    {ROUTE("\"from\":\" \""), "line 1: from has neither"},
    {ROUTE("\"sip_header\":[]"), "line 1: sip_header must be an object"},
    {ROUTE("\"sip_header\":{\"X\":1}"), "line 1: sip_header must hold texts"},
    {ROUTE("\"sip_header\":{\"X\":\"a*b\"}"), "line 1: sip_header must hold texts"},
    {ROUTE("\"hours\":7"), "line 1: hours: it is not a JSON object"},
    {ROUTE("\"hours\":{}"), "line 1: hours.time_zone must name"},
    {ROUTE("\"hours\":{\"time_zone\":\"Mars/Base\"}"), "line 1: hours.time_zone must name"},
    {ROUTE("\"hours\":{\"time_zone\":\"../UTC\"}"), "line 1: hours.time_zone must name"},
    {ROUTE("\"hours\":{\"time_zone\":\"UTC\",\"from\":\"9:00\"}"), "line 1: hours needs"},
    {ROUTE("\"hours\":{\"time_zone\":\"UTC\",\"from\":\"24:00\"}"), "line 1: hours needs"},
    {ROUTE("\"hours\":{\"time_zone\":\"UTC\",\"to\":\"24:01\"}"), "line 1: hours needs"},
    {ROUTE("\"hours\":{\"time_zone\":\"UTC\",\"from\":\"09:00\",\"to\":\"09:00\"}"),
     "line 1: hours needs"},
    {ROUTE("\"hours\":{\"time_zone\":\"UTC\",\"days\":\"mo\"}"), "line 1: hours.days must be"},
    {ROUTE("\"hours\":{\"time_zone\":\"UTC\",\"days\":\"mon-\"}"), "line 1: hours.days must"},
    {ROUTE("\"hours\":{\"time_zone\":\"UTC\",\"days\":\"mon,\"}"), "line 1: hours.days must"},
    {ROUTE("\"hours\":{\"zone\":\"UTC\"}"), "line 1: zone is not a member of hours"},
    {ROUTE("\"share\":101"), "line 1: share must be a whole number from 0 to 100"},
    {ROUTE("\"share\":\"5\""), "line 1: share must be a whole number"},
    {ROUTE("\"agent\":\"a b\""), "line 1: agent may have letters"},
    {ROUTE("\"agent\":\"\""), "line 1: agent must be a text"},
    {ROUTE("\"start_url\":\"ftp://x/\""), "line 1: start_url must start with"},
    {ROUTE("\"start_url\":\"http://example.com/\""), "line 1: start_url sends"},
    {ROUTE("\"api_key_env\":\"SALES_KEY\""), "line 1: api_key_env needs an agent"},
    {ROUTE("\"agent\":\"a\",\"api_key_env\":\"NOT_SET\""), "line 1: NOT_SET is not set"},
    {ROUTE("\"max_in_flight\":5"), "line 1: max_in_flight is not a member of a route"},
    {ROUTE("\"hold_limit_s\":3601"), "line 1: hold_limit_s must be a whole number"},
    {ROUTE("\"hold_limit_s\":1.5"), "line 1: hold_limit_s must be a whole number"},
    {ROUTE("\"priority_s\":601"), "line 1: priority_s must be a whole number from 0 to 600"},
    {ROUTE("\"limit_per_caller\":{\"calls\":5}"), "line 1: limit_per_caller needs calls and"},
    {ROUTE("\"limit_per_caller\":{\"calls\":0,\"within_s\":1}"), "line 1: calls must be"},
    {ROUTE("\"body\":[]"), "line 1: body must be an object"},
    {ROUTE("\"room\":null"), "line 1: room must be an object"},
    {ROUTE("\"decline\":\"yes\""), "line 1: decline must be true or false"},
    {ROUTE("\"lookup\":{}"), "line 1: lookup.url is needed"},
    {ROUTE("\"lookup\":{\"url\":\"http://crm.example.com/\",\"secret_env\":\"CRM_SECRET\"}"),
     "line 1: lookup.url sends"},
    {ROUTE("\"lookup\":{\"url\":\"https://crm.example.com/\"}"), "line 1: lookup.secret_env"},
    {ROUTE("\"lookup\":{\"url\":\"https://c.example.com/\",\"secret_env\":\"SALES_KEY\"}"),
     "line 1: lookup.secret_env must name a variable with a secret"},
    {ROUTE("\"lookup\":{\"url\":\"https://c.example.com/\",\"secret_env\":\"CRM_SECRET\","
           "\"timeout_ms\":1}"),
     "line 1: timeout_ms must be"},
    {ROUTE("\"overflow\":{}"), "line 1: overflow must be an array"},
    {ROUTE("\"overflow\":[{\"agent\":\"b\"}]"), "line 1: overflow needs after_s and an agent"},
    {ROUTE("\"overflow\":[{\"after_s\":1}]"), "line 1: overflow needs after_s and an agent"},
    {ROUTE("\"overflow\":[{\"after_s\":\"soon\",\"agent\":\"b\"}]"), "line 1: after_s must be"},
    {ROUTE("\"agent\":\"b\",\"overflow\":[{\"after_s\":1,\"agent\":\"b\"}]"),
     "line 1: overflow leads back"},
    {ROUTE("\"overflow\":[{\"after_s\":1,\"agent\":\"own\"}]"), "line 1: overflow leads back"},
    {ROUTE("\"overflow\":[{\"after_s\":1,\"agent\":\"b\"},{\"after_s\":2,\"agent\":\"b\"}]"),
     "line 1: overflow leads back"},
    {ROUTE("\"overflow\":[{\"after_s\":2,\"agent\":\"b\"},{\"after_s\":1,\"agent\":\"c\"}]"),
     "line 1: overflow must have its steps in the order"},
    {ROUTE("\"callback\":{\"within_s\":60}"), "line 1: callback needs within_s, and in \"to\""},
    // A wrong type or bound for each member, and members that there are not.
    {ROUTE("\"sip_header\":7"), "line 1: sip_header must be an object"},
    {ROUTE("\"sip_header\":{\"X\":\"\"}"), "line 1: sip_header must hold texts"},
    {ROUTE("\"hours\":{\"time_zone\":7}"), "line 1: time_zone must be a text"},
    {ROUTE("\"hours\":{\"time_zone\":\"UTC\",\"days\":7}"), "line 1: days must be a text"},
    {ROUTE("\"hours\":{\"time_zone\":\"UTC\",\"from\":9}"), "line 1: from must be a text"},
    {ROUTE("\"share\":-1"), "line 1: share must be a whole number"},
    {ROUTE("\"share\":null"), "line 1: share must be a whole number"},
    {ROUTE("\"agent\":7"), "line 1: agent must be a text"},
    {ROUTE("\"start_url\":7"), "line 1: start_url must be a text"},
    {ROUTE("\"agent\":\"a\",\"api_key_env\":7"), "line 1: api_key_env must be a text"},
    {ROUTE("\"hold_limit_s\":0"), "line 1: hold_limit_s must be a whole number"},
    {ROUTE("\"hold_limit_s\":\"60\""), "line 1: hold_limit_s must be a whole number"},
    {ROUTE("\"priority_s\":true"), "line 1: priority_s must be a whole number"},
    {ROUTE("\"limit_per_caller\":5"), "line 1: limit_per_caller: it is not a JSON object"},
    {ROUTE("\"limit_per_caller\":{\"calls\":\"5\",\"within_s\":60}"), "line 1: calls must be"},
    {ROUTE("\"limit_per_caller\":{\"calls\":5,\"within_s\":86401}"), "line 1: within_s must be"},
    {ROUTE("\"limit_per_caller\":{\"calls\":5,\"within_s\":60,\"per\":1}"),
     "line 1: per is not a member of limit_per_caller"},
    {ROUTE("\"body\":\"x\""), "line 1: body must be an object"},
    {ROUTE("\"room\":[1]"), "line 1: room must be an object"},
    {ROUTE("\"decline\":1"), "line 1: decline must be true or false"},
    {ROUTE("\"lookup\":\"https://crm.example.com/\""), "line 1: lookup: it is not a JSON object"},
    {ROUTE("\"lookup\":{\"url\":7}"), "line 1: url must be a text"},
    {ROUTE("\"lookup\":{\"url\":\"ftp://crm.example.com/\",\"secret_env\":\"CRM_SECRET\"}"),
     "line 1: lookup.url must start"},
    {ROUTE("\"lookup\":{\"url\":\"https://c.example.com/\",\"secret_env\":7}"),
     "line 1: secret_env must be a text"},
    {ROUTE("\"lookup\":{\"url\":\"https://c.example.com/\",\"secret_env\":\"NOT_SET\"}"),
     "line 1: NOT_SET is not set"},
    {ROUTE("\"lookup\":{\"url\":\"https://c.example.com/\",\"timeout_ms\":\"1\"}"),
     "line 1: timeout_ms must be"},
    {ROUTE("\"lookup\":{\"url\":\"https://c.example.com/\",\"required\":\"yes\"}"),
     "line 1: required must be true or false"},
    {ROUTE("\"lookup\":{\"url\":\"https://c.example.com/\",\"retry\":1}"),
     "line 1: retry is not a member of lookup"},
    {ROUTE("\"overflow\":7"), "line 1: overflow must be an array"},
    {ROUTE("\"overflow\":[7]"), "line 1: an overflow step: it is not"},
    {ROUTE("\"overflow\":[{\"after_s\":-1,\"agent\":\"b\"}]"), "line 1: after_s must be"},
    {ROUTE("\"overflow\":[{\"after_s\":true,\"agent\":\"b\"}]"), "line 1: after_s must be"},
    {ROUTE("\"overflow\":[{\"after_s\":3601,\"agent\":\"b\"}]"), "line 1: after_s must be"},
    {ROUTE("\"overflow\":[{\"after_s\":1,\"agent\":7}]"), "line 1: agent must be a text"},
    {ROUTE("\"overflow\":[{\"after_s\":1,\"agent\":\"b\",\"when\":1}]"),
     "line 1: when is not a member of an overflow step"},
    {ROUTE("\"agent\":\"a\",\"overflow\":[{\"after_s\":1,\"agent\":\"b\"},{\"after_s\":2,\"agent\":"
           "\"a\"}]"),
     "line 1: overflow leads back"},
    {ROUTE("\"start_url\":\"https://a.example.com/"
           "\",\"overflow\":[{\"after_s\":1,\"start_url\":\"https://a.example.com/\"}]"),
     "line 1: overflow leads back"},
    {ROUTE("\"callback\":true"), "line 1: callback: it is not a JSON object"},
    {ROUTE("\"callback\":{\"within_s\":0,\"to\":\"+1*\"}"), "line 1: within_s must be"},
    {ROUTE("\"callback\":{\"within_s\":60,\"to\":7}"), "line 1: to must be a text or texts"},
    {ROUTE("\"callback\":{\"within_s\":60,\"to\":\"+1*\",\"caller_id\":7}"),
     "line 1: caller_id must be a text"},
    {ROUTE("\"callback\":{\"within_s\":60,\"to\":\"+1*\",\"at\":1}"),
     "line 1: at is not a member of callback"},
    {"{\"agents\":[],\"routes\":[]}", "line 1: agents"},
    {"{\"agents\":{\"x\":7},\"routes\":[]}", "line 1: an agent: it is not"},
    {"{\"agents\":{\"x\":{\"start_url\":7}},\"routes\":[]}", "line 1: start_url must be a text"},
    {"{\"agents\":{\"x\":{\"limit\":7}},\"routes\":[]}",
     "line 1: limit is not a member of an agent"},
    {"{\"agents\":{\"x\":{\"max_in_flight\":\"5\"}},\"routes\":[]}", "line 1: max_in_flight must"},
    {"{\"routes\":[],\"routes\":[]}", "line 1: "},
    {"{\"routes\":[{\"name\":null}]}", "line 1: name must be"},
    {"{\"routes\":[{\"name\":\"a\",\"name\":\"b\"}]}", "line 1: "},
    {"{\"agents\":{\"x\":{\"max_in_flight\":0}},\"routes\":[]}", "line 1: max_in_flight must"},
    {"{\"agents\":{\"x\":{\"start_url\":\"https://a.example.com/\"}},\n\"routes\":[{\"name\":"
     "\"r\",\"agent\":\"x\",\"start_url\":\"https://b.example.com/\"}]}",
     "line 2: x is named twice"},
    {"{\"agents\":{\"x\":{\"api_key_env\":\"SALES_KEY\"}},\n\"routes\":[{\"name\":\"r\","
     "\"agent\":\"x\",\"api_key_env\":\"OTHER_KEY\"}]}",
     "line 2: x is named twice"},
};

static void bad_files_are_refused_with_line_and_reason(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof BAD_FILES / sizeof BAD_FILES[0]; i++) {
        struct route_file file;
        struct bytes problem;
        if (parse(&file, BAD_FILES[i].text, &problem)) {
            fail_msg("taken: %s", BAD_FILES[i].text);
        }
        if (strncmp(bytes_text(&problem), BAD_FILES[i].problem, strlen(BAD_FILES[i].problem)) !=
            0) {
            fail_msg("%s: %s", BAD_FILES[i].text, bytes_text(&problem));
        }
        assert_int_equal(file.count, 0);
        bytes_release(&problem);
    }
}

static void a_file_says_where_calls_go(void **state)
{
    (void)state;
    struct route_file file;
    struct bytes problem;
    bool is_good = parse(
        &file,
        "{\"routes\":[{\"name\":\"acme\",\"to\":[\"+1415*\",\"+1 (628) 555-0100\"],\"from\":\"*\","
        "\"agent\":\"sales\",\"start_url\":\"https://sales.example.com/start\","
        "\"api_key_env\":\"SALES_KEY\",\"hold_limit_s\":60,\"priority_s\":30,"
        "\"limit_per_caller\":{\"calls\":5,\"within_s\":60},\"body\":{\"tier\":{\"b\":[1]}},"
        "\"room\":{\"x\":\"]},{\"},\"lookup\":{\"url\":\"https://crm.example.com/inbound\","
        "\"secret_env\":\"CRM_SECRET\",\"timeout_ms\":1500},"
        "\"overflow\":[{\"after_s\":20,\"agent\":\"sales-2\"},"
        "{\"after_s\":\"forecast\",\"agent\":\"voicemail\"}],"
        "\"callback\":{\"within_s\":3600,\"to\":[\"+1*\"],\"caller_id\":\"cid\"}},"
        "{\"name\":\"rest\"}],"
        "\"agents\":{\"sales-2\":{\"start_url\":\"http://127.0.0.1/start\",\"max_in_flight\":20}}}",
        &problem);
    assert_string_equal(bytes_text(&problem), "");
    assert_true(is_good);
    const struct route_rule *acme = route_file_rule(&file, VIEW("acme"));
    const struct route_rule *rest = route_file_rule(&file, VIEW("rest"));
    assert_string_equal(acme->agent->route.start_url, "https://sales.example.com/start");
    assert_string_equal(acme->agent->route.agent, "sales");
    assert_string_equal(acme->agent->route.api_key, "the-key");
    assert_int_equal(acme->hold_limit_s, 60);
    assert_int_equal(acme->limit_calls, 5);
    assert_int_equal(acme->lookup.timeout_ms, 1500);
    assert_int_equal(acme->lookup.secret_len, 32);
    assert_memory_equal(acme->lookup.secret, "0123456789abcdef0123456789abcdef", 32);
    assert_int_equal(acme->overflow_count, 2);
    assert_string_equal(acme->overflow[0].agent->route.agent, "sales-2");
    assert_int_equal(acme->overflow[0].agent->max_in_flight, 20);
    assert_null(acme->overflow[0].agent->route.api_key);
    assert_true(acme->overflow[1].is_by_forecast);
    assert_string_equal(acme->overflow[1].agent->route.start_url,
                        "https://api.pipecat.daily.co/v1/public/voicemail/start");
    assert_string_equal(acme->overflow[1].agent->route.api_key, "cloud-key");
    assert_string_equal(json_text(acme->room->tree, "x"), "]},{");
    assert_string_equal(acme->callback.caller_id, "cid");
    assert_null(rest->agent);
    assert_int_equal(strlen(acme->digest), 16);
    assert_string_not_equal(acme->digest, rest->digest);
    assert_int_equal(file.agents.count, 4);
    route_file_release(&file);
    bytes_release(&problem);
}

static const struct route_rule *choose(const struct route_file *file, const char *json,
                                       const char *call_id, uint64_t received_ms)
{
    struct json_document webhook;
    struct route_subject subject;
    assert_null(json_parse(&webhook, view_of_text(json)));
    route_subject_set(&subject, webhook.tree, view_of_text(call_id), received_ms);
    const struct route_rule *rule = route_choose(file, &subject);
    json_release(&webhook);
    return rule;
}

static void the_first_that_matches_wins(void **state)
{
    (void)state;
    static const char FILE[] =
        "{\"routes\":["
        "{\"name\":\"vip\",\"from\":\"+1 (415) 848-3432\",\"to\":\"001415*\"},"
        "{\"name\":\"acme\",\"sip_header\":{\"X-Tenant\":\"acme\",\"X-Kind\":\"*\"}},"
        "{\"name\":\"sip\",\"to\":\"sip:Desk@Example.com\"},"
        "{\"name\":\"word\",\"to\":[\"sips:Lobby desk\",\"sip:front*\"]},"
        "{\"name\":\"sales\",\"to\":[\"+4930*\",\"+1415*\"]},"
        "{\"name\":\"withheld\",\"from\":\"anonymous\"},"
        "{\"name\":\"rest\",\"from\":\"*\",\"to\":\"+1*\"}]}";
    static const struct {
        const char *webhook, *name;
    } CASES[] = {
        {"{\"To\":\"+14152251493\",\"From\":\"+14158483432\"}", "vip"},
        {"{\"To\":\"+14152251493\",\"From\":\"14158483432\"}", "vip"},
        {"{\"To\":\"+14152251493\",\"From\":\"\\\"Ann\\\" <sip:+14158483432@a.example>\"}", "vip"},
        {"{\"To\":\"+14152251493\",\"From\":\"tel:+1-415-848-3432\"}", "vip"},
        {"{\"To\":\"+14152251493\",\"From\":\"+141584834320\"}", "sales"},
        {"{\"To\":\"+16502251493\",\"From\":\"+14158483432\"}", "rest"},
        {"{\"To\":\"+49 (0) 30 1\",\"From\":\"+44\"}", "sales"},
        {"{\"To\":\"sip:%2B14155550100@trunk.example\",\"From\":\"+44\"}", "sales"},
        {"{\"To\":\"+4930\",\"From\":\"+44\"}", "sales"},
        {"{\"To\":\"+4431\",\"From\":\"Anonymous\"}", "withheld"},
        {"{\"To\":\"+4431\",\"From\":\"+44\"}", NULL},
        {"{\"To\":\"sip:desk@example.COM;transport=tcp\",\"From\":\"+44\"}", "sip"},
        {"{\"To\":\"sips:lobby desk\",\"From\":\"+44\"}", "word"},
        {"{\"To\":\"sip:front desk\",\"From\":\"+44\"}", "word"},
        {"{\"To\":\"sip:frontier@example.com\",\"From\":\"+44\"}", "word"},
        {"{\"To\":\"sip:+14155550100@trunk.example\",\"From\":\"+44\"}", "sales"},
        {"{\"To\":\"sip:desk@example.com.evil\",\"From\":\"+44\"}", NULL},
        {"{\"To\":\"+4431\",\"From\":\"a\",\"sipHeaders\":{\"x-tenant\":\"acme\",\"X-KIND\":\"b\"}"
         "}",
         "acme"},
        {"{\"To\":\"+4431\",\"From\":\"a\",\"sipHeaders\":{\"X-Tenant\":\"acme\"}}", NULL},
        {"{\"To\":\"+4431\",\"From\":\"a\",\"sipHeaders\":{\"X-Tenant\":\"acme2\",\"X-Kind\":\"b\"}"
         "}",
         NULL},
        {"{\"dialout_settings\":[1]}", NULL},
    };
    struct route_file file;
    struct bytes problem;
    assert_true(parse(&file, FILE, &problem));
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        const struct route_rule *rule = choose(&file, CASES[i].webhook, "c", NOON_MS);
        const char *name = rule ? rule->name : NULL;
        if (CASES[i].name ? !name || strcmp(name, CASES[i].name) != 0 : name != NULL) {
            fail_msg("%s: %s", CASES[i].webhook, name ? name : "none");
        }
    }
    route_file_release(&file);
    bytes_release(&problem);
}

static void hours_follow_their_time_zone(void **state)
{
    (void)state;
    static const struct {
        const char *hours;
        uint64_t at_ms;
        bool holds;
    } CASES[] = {
        // New York has summer time until 1 November 2026: 09:00 there is 13:00, then 14:00 UTC.
        {"\"days\":\"mon-fri\",\"from\":\"09:00\",\"to\":\"17:00\",\"time_zone\":\"America/"
         "New_York\"",
         1793365200000, true}, // Friday, 30 October, 13:00 UTC
        {"\"days\":\"mon-fri\",\"from\":\"09:00\",\"to\":\"17:00\",\"time_zone\":\"America/"
         "New_York\"",
         1793365199999, false},
        {"\"days\":\"mon-fri\",\"from\":\"09:00\",\"to\":\"17:00\",\"time_zone\":\"America/"
         "New_York\"",
         1793624400000, false}, // Monday, 2 November, 13:00 UTC
        {"\"days\":\"mon-fri\",\"from\":\"09:00\",\"to\":\"17:00\",\"time_zone\":\"America/"
         "New_York\"",
         1793628000000, true},
        {"\"days\":\"mon-fri\",\"from\":\"09:00\",\"to\":\"17:00\",\"time_zone\":\"America/"
         "New_York\"",
         1793656800000, false}, // Monday, 22:00 UTC is 17:00: exclusive
        // Past midnight, from Friday on.
        {"\"days\":\"fri\",\"from\":\"22:00\",\"to\":\"02:00\",\"time_zone\":\"UTC\"",
         1793398500000, true}, // Friday, 22:15
        {"\"days\":\"fri\",\"from\":\"22:00\",\"to\":\"02:00\",\"time_zone\":\"UTC\"",
         1793408400000, true}, // Saturday, 01:00
        {"\"days\":\"fri\",\"from\":\"22:00\",\"to\":\"02:00\",\"time_zone\":\"UTC\"",
         1793412000000, false}, // Saturday, 02:00
        {"\"days\":\"fri\",\"from\":\"22:00\",\"to\":\"02:00\",\"time_zone\":\"UTC\"",
         1793322000000, false}, // Friday, 01:00, which belongs to Thursday
        {"\"days\":\"sat-mon\",\"time_zone\":\"Asia/Kathmandu\"", 1793384100000, true}, // Sat 00:00
        {"\"days\":\"sat-mon\",\"time_zone\":\"Asia/Kathmandu\"", 1793384099999, false},
        {"\"days\":\"sun, wed\",\"time_zone\":\"UTC\"", NOON_MS, true},
        {"\"days\":\"sun,thu\",\"time_zone\":\"UTC\"", NOON_MS, false},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        char text[512];
        struct route_file file;
        struct bytes problem;
        snprintf(text, sizeof text, "{\"routes\":[{\"name\":\"a\",\"hours\":{%s}}]}",
                 CASES[i].hours);
        assert_true(parse(&file, text, &problem));
        if ((choose(&file, "{\"To\":\"+1\"}", "c", CASES[i].at_ms) != NULL) != CASES[i].holds) {
            fail_msg("case %zu: %s at %llu", i, CASES[i].hours, (unsigned long long)CASES[i].at_ms);
        }
        route_file_release(&file);
        bytes_release(&problem);
    }
}

static void a_share_is_right_and_stays_with_its_call(void **state)
{
    (void)state;
    struct route_file file;
    struct bytes problem;
    unsigned taken = 0;
    assert_true(parse(&file, ROUTE("\"share\":20"), &problem));
    for (unsigned i = 0; i < 10000; i++) {
        char call_id[32], replayed[40];
        snprintf(call_id, sizeof call_id, "call-%u", i);
        snprintf(replayed, sizeof replayed, "%s~r2", call_id);
        bool is_taken = choose(&file, "{\"To\":\"+1\"}", call_id, NOON_MS) != NULL;
        assert_int_equal(is_taken, choose(&file, "{\"To\":\"+1\"}", replayed, NOON_MS) != NULL);
        taken += is_taken;
    }
    if (taken < 1880 || taken > 2120) { // three standard deviations around 2,000
        fail_msg("%u of 10,000 for a share of 20 %%", taken);
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
        bytes_append_text(&text, "{\"routes\":[{\"name\":\"0\"}");
        for (unsigned i = 1; i < count; i++) {
            bytes_printf(&text, ",{\"name\":\"%u\"}", i);
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
        cmocka_unit_test(a_file_says_where_calls_go),
        cmocka_unit_test(the_first_that_matches_wins),
        cmocka_unit_test(hours_follow_their_time_zone),
        cmocka_unit_test(a_share_is_right_and_stays_with_its_call),
        cmocka_unit_test(there_is_a_limit_to_their_number),
    };
    json_init();
    time_zone_init();
    return cmocka_run_group_tests_name("route_file", tests, NULL, NULL);
}
