// Webhooks and the start requests that they become, byte for byte; the contract's own example also
// by its meaning.
#include "json.h"
#include "transform.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEN(array) (sizeof(array) / sizeof(array)[0])
#define EXPIRES_S 1795408783

// The four fields of each dial-in, and what they become.
#define CALL "\"To\":\"+1\",\"From\":\"+2\",\"callId\":\"c-1\",\"callDomain\":\"d-1\""
#define SETTINGS                                                                                   \
    "\"From\":\"+2\",\"To\":\"+1\",\"from\":\"+2\",\"to\":\"+1\",\"call_id\":\"c-1\","             \
    "\"call_domain\":\"d-1\""
#define SIP(endpoints)                                                                             \
    ",\"sip\":{\"display_name\":\"+2\",\"sip_mode\":\"dial-in\",\"num_endpoints\":" endpoints      \
    ",\"codecs\":{\"audio\":[\"OPUS\"]}}"
#define ROOM(dialout, sip)                                                                         \
    "{\"createDailyRoom\":true,\"dailyRoomProperties\":{\"enable_dialout\":" dialout               \
    ",\"exp\":1795408783,\"eject_at_room_exp\":false" sip "},\"body\":{\"dialin_settings\":"
#define PASSED_ON(dialout, voicemail, transfer, headers)                                           \
    ",\"dialout_settings\":" dialout ",\"voicemail_detection\":" voicemail                         \
    ",\"call_transfer\":" transfer ",\"sip_headers\":" headers
#define NOTHING_MORE PASSED_ON("null", "null", "null", "null") "}}"
#define DIALIN ROOM("false", SIP("1"))
#define TRUNK_ROOM "\"room\":{\"url\":\"https://d/r\",\"n\":1.50}"
#define TRUNK(headers, notification, more)                                                         \
    "{\"createDailyRoom\":false,\"body\":{\"dialin_settings\":null" PASSED_ON(                     \
        "null", "null", "null", headers) ",\"sip_trunk\":" notification                            \
                                         ",\"room_url\":\"https://d/r\"" more "}}"

static const char *transform_text(enum webhook_kind kind, const char *body,
                                  const struct transform_settings *settings, struct bytes *request,
                                  struct transform_facts *facts)
{
    const struct webhook_entry entry = {
        .kind = kind, .call_id = VIEW("c-1"), .body = view_of_text(body)};
    return transform(&entry, settings, EXPIRES_S, request, facts);
}

static void the_example_of_the_contract(void **state)
{
    (void)state;
    static const char WEBHOOK[] =
        "{\"To\":\"+14152251493\",\"From\":\"+14158483432\",\"callId\":\"c-1\","
        "\"callDomain\":\"d-1\",\"sipHeaders\":{\"X-Tenant\":\"acme\"}}";
    static const char EXAMPLE[] =
        "{\"createDailyRoom\": true,"
        " \"dailyRoomProperties\": {\"enable_dialout\": false, \"exp\": 1795408783,"
        "   \"eject_at_room_exp\": false,"
        "   \"sip\": {\"display_name\": \"+14158483432\", \"sip_mode\": \"dial-in\","
        "           \"num_endpoints\": 1, \"codecs\": {\"audio\": [\"OPUS\"]}}},"
        " \"body\": {\"dialin_settings\": {\"From\": \"+14158483432\", \"To\": \"+14152251493\","
        "                                \"from\": \"+14158483432\", \"to\": \"+14152251493\","
        "                              \"call_id\": \"c-1\", \"call_domain\": \"d-1\","
        "                              \"sip_headers\": {\"X-Tenant\": \"acme\"}},"
        "          \"dialout_settings\": null, \"voicemail_detection\": null,"
        "          \"call_transfer\": null, \"sip_headers\": {\"X-Tenant\": \"acme\"}}}";
    const struct transform_settings settings = {0};
    struct transform_facts facts = {0};
    struct bytes request;
    bytes_init(&request, TRANSFORM_REQUEST_BYTES_MAX);
    assert_null(transform_text(WEBHOOK_DIALIN, WEBHOOK, &settings, &request, &facts));
    cJSON *ours = cJSON_Parse(bytes_text(&request)), *theirs = cJSON_Parse(EXAMPLE);
    assert_non_null(ours);
    assert_non_null(theirs);
    assert_true(cJSON_Compare(ours, theirs, true));
    assert_string_equal(facts.from, "+14158483432");
    assert_string_equal(facts.to, "+14152251493");
    cJSON_Delete(ours);
    cJSON_Delete(theirs);
    bytes_release(&request);
    transform_facts_release(&facts);
}

struct request_case {
    const char *name;
    enum webhook_kind kind;
    const char *webhook;
    const char *request;
};

static const struct request_case REQUESTS[] = {
    {"a trunk's call", WEBHOOK_TRUNK, "{" TRUNK_ROOM "}", TRUNK("null", "{" TRUNK_ROOM "}", "")},
    {"a trunk's call as it came", WEBHOOK_TRUNK,
     "{\"from\":\"+2\", \"dialout_settings\":[1],\"daily_api_key\":\"theirs\","
     "\"sip_headers\":{\"X-A\":\"b\"}," TRUNK_ROOM "}",
     TRUNK("{\"X-A\":\"b\"}",
           "{\"from\":\"+2\", \"dialout_settings\":[1],\"daily_api_key\":\"theirs\","
           "\"sip_headers\":{\"X-A\":\"b\"}," TRUNK_ROOM "}",
           "")},
    {"dial-in", WEBHOOK_DIALIN, "{" CALL "}", DIALIN "{" SETTINGS "}" NOTHING_MORE},
    {"blanks around", WEBHOOK_DIALIN, " \n{ " CALL " }\t", DIALIN "{" SETTINGS "}" NOTHING_MORE},
    {"another order", WEBHOOK_DIALIN,
     "{\"callDomain\":\"d-1\",\"callId\":\"c-1\",\"From\":\"+2\",\"To\":\"+1\"}",
     DIALIN "{" SETTINGS "}" NOTHING_MORE},
    {"SIP headers", WEBHOOK_DIALIN, "{" CALL ",\"sipHeaders\":{\"X-A\":\"b\\u00e9\\\"\"}}",
     DIALIN "{" SETTINGS ",\"sip_headers\":{\"X-A\":\"b\\u00e9\\\"\"}}" PASSED_ON(
         "null", "null", "null", "{\"X-A\":\"b\\u00e9\\\"\"}") "}}"},
    {"no SIP headers, but the object", WEBHOOK_DIALIN, "{" CALL ",\"sipHeaders\":{}}",
     DIALIN "{" SETTINGS ",\"sip_headers\":{}}" PASSED_ON("null", "null", "null", "{}") "}}"},
    {"SIP headers null", WEBHOOK_DIALIN, "{" CALL ",\"sipHeaders\":null}",
     DIALIN "{" SETTINGS "}" NOTHING_MORE},
    {"call transfer", WEBHOOK_DIALIN, "{" CALL ",\"call_transfer\":{\"n\":1.50}}",
     ROOM("false", SIP("2")) "{" SETTINGS
                             "}" PASSED_ON("null", "null", "{\"n\":1.50}", "null") "}}"},
    {"call transfer null", WEBHOOK_DIALIN, "{" CALL ",\"call_transfer\":null}",
     DIALIN "{" SETTINGS "}" NOTHING_MORE},
    {"call transfer false", WEBHOOK_DIALIN, "{" CALL ",\"call_transfer\":false}",
     ROOM("false", SIP("2")) "{" SETTINGS "}" PASSED_ON("null", "null", "false", "null") "}}"},
    {"voicemail detection", WEBHOOK_DIALIN, "{" CALL ",\"voicemail_detection\":{\"a\":[ 1 ]}}",
     DIALIN "{" SETTINGS "}" PASSED_ON("null", "{\"a\":[ 1 ]}", "null", "null") "}}"},
    {"a withheld caller", WEBHOOK_DIALIN,
     "{\"To\":\"+1\",\"callId\":\"c-1\",\"callDomain\":\"d-1\"}",
     "{\"createDailyRoom\":true,\"dailyRoomProperties\":{\"enable_dialout\":false,\"exp\":"
     "1795408783,"
     "\"eject_at_room_exp\":false,\"sip\":{\"display_name\":\"anonymous\",\"sip_mode\":\"dial-in\","
     "\"num_endpoints\":1,\"codecs\":{\"audio\":[\"OPUS\"]}}},\"body\":{\"dialin_settings\":{"
     "\"From\":\"anonymous\",\"To\":\"+1\",\"from\":\"anonymous\",\"to\":\"+1\",\"call_id\":\"c-"
     "1\","
     "\"call_domain\":\"d-1\"}" NOTHING_MORE},
    {"odd SIP headers", WEBHOOK_DIALIN,
     "{" CALL ",\"sipHeaders\":{\"N\":7,\"L\":[\"a\",1.50,null],\"O\":{},\"Z\":null}}",
     DIALIN "{" SETTINGS ",\"sip_headers\":{\"N\":\"7\",\"L\":\"a, 1.50\"}}" PASSED_ON(
         "null", "null", "null", "{\"N\":\"7\",\"L\":\"a, 1.50\"}") "}}"},
    {"an empty dial-out beside a dial-in", WEBHOOK_DIALIN, "{" CALL ",\"dialout_settings\":{}}",
     DIALIN "{" SETTINGS "}" NOTHING_MORE},
    {"a dial-out as an object", WEBHOOK_DIALOUT, "{\"dialout_settings\":{\"sip_uri\":\"sip:a@b\"}}",
     ROOM("true", "") "null" PASSED_ON("{\"sip_uri\":\"sip:a@b\"}", "null", "null", "null") "}}"},
    {"both", WEBHOOK_DIALIN, "{" CALL ",\"dialout_settings\":[{\"phoneNumber\":\"+3\"}]}",
     ROOM("true", SIP("1")) "{" SETTINGS "}" PASSED_ON("[{\"phoneNumber\":\"+3\"}]", "null", "null",
                                                       "null") "}}"},
    {"dial-out null", WEBHOOK_DIALIN, "{" CALL ",\"dialout_settings\":null}",
     DIALIN "{" SETTINGS "}" NOTHING_MORE},
    {"nothing to dial", WEBHOOK_DIALIN, "{" CALL ",\"dialout_settings\":[]}",
     DIALIN "{" SETTINGS "}" NOTHING_MORE},

    {"dial-out", WEBHOOK_DIALOUT, "{\"dialout_settings\":[{\"sipUri\":\"sip:a@b\"}]}",
     ROOM("true", "") "null" PASSED_ON("[{\"sipUri\":\"sip:a@b\"}]", "null", "null", "null") "}}"},
    {"dial-out with all", WEBHOOK_DIALOUT,
     "{\"dialout_settings\":[1],\"voicemail_detection\":true,\"call_transfer\":{},"
     "\"sipHeaders\":{\"a\":\"b\"},\"callId\":null,\"note\":\"x\"}",
     ROOM("true", "") "null" PASSED_ON("[1]", "true", "{}", "{\"a\":\"b\"}") "}}"},

    {"texts as they came", WEBHOOK_DIALIN,
     "{\"To\":\"sip:a\\/b\",\"From\":\"\\u0041\\\"\xc3\xa9\",\"callId\":\"c-1\","
     "\"callDomain\":\"d-1\"}",
     "{\"createDailyRoom\":true,\"dailyRoomProperties\":{\"enable_dialout\":false,"
     "\"exp\":1795408783,\"eject_at_room_exp\":false,\"sip\":{\"display_name\":"
     "\"\\u0041\\\"\xc3\xa9\",\"sip_mode\":\"dial-in\",\"num_endpoints\":1,"
     "\"codecs\":{\"audio\":[\"OPUS\"]}}},\"body\":{\"dialin_settings\":{"
     "\"From\":\"\\u0041\\\"\xc3\xa9\",\"To\":\"sip:a\\/b\",\"from\":\"\\u0041\\\"\xc3\xa9\","
     "\"to\":\"sip:a\\/b\",\"call_id\":\"c-1\",\"call_domain\":\"d-1\"}" NOTHING_MORE},

    {"other fields", WEBHOOK_DIALIN,
     "{\"Test\":\"x\"," CALL ",\"holdMusicUrl\":null,\"x\":{\"aB\":[true]}}",
     DIALIN "{" SETTINGS
            ",\"test\":\"x\",\"hold_music_url\":null,\"x\":{\"aB\":[true]}}" NOTHING_MORE},
    {"no digit is lost", WEBHOOK_DIALIN,
     "{" CALL ",\"big\":12345678901234567890123,\"fine\":0.10000000000000000555,\"e\":1E+400}",
     DIALIN "{" SETTINGS ",\"big\":12345678901234567890123,\"fine\":0.10000000000000000555,"
            "\"e\":1E+400}" NOTHING_MORE},
    {"ours are not overwritten", WEBHOOK_DIALIN,
     "{" CALL ",\"from\":1,\"to\":2,\"FROM\":3,\"call_id\":4,\"CallId\":5,\"callDOMAIN\":6,"
     "\"call_domain\":7,\"sip_headers\":8,\"SipHeaders\":9}",
     DIALIN "{" SETTINGS "}" NOTHING_MORE},
    {"no key of Daily's from outside", WEBHOOK_DIALIN,
     "{" CALL ",\"daily_api_key\":\"a\",\"dailyApiKey\":\"b\",\"dailyApiUrl\":\"c\","
     "\"Daily_Api_Url\":\"d\",\"daily_api_keys\":\"e\"}",
     DIALIN "{" SETTINGS ",\"daily_api_keys\":\"e\"}" NOTHING_MORE},
    {"the first of a name wins", WEBHOOK_DIALIN,
     "{\"aB\":1," CALL ",\"a_b\":2,\"a_B\":3,\"AB\":4,\"ab\":5}",
     DIALIN "{" SETTINGS ",\"a_b\":1,\"ab\":4}" NOTHING_MORE},
    {"escaped and empty names", WEBHOOK_DIALIN,
     "{" CALL ",\"\":1,\"call\\u0049D\":2,\"a\\\"B\":3,\"\\n\":4,\"\xc3\xa9T\":5}",
     DIALIN "{" SETTINGS ",\"\":1,\"a\\\"b\":3,\"\\u000a\":4,\"\xc3\xa9t\":5}" NOTHING_MORE},
};

static void webhooks_become_requests(void **state)
{
    (void)state;
    const struct transform_settings settings = {0};
    for (size_t i = 0; i < LEN(REQUESTS); i++) {
        struct transform_facts facts = {0};
        struct bytes request;
        bytes_init(&request, TRANSFORM_REQUEST_BYTES_MAX);
        const char *problem =
            transform_text(REQUESTS[i].kind, REQUESTS[i].webhook, &settings, &request, &facts);
        if (problem || strcmp(bytes_text(&request), REQUESTS[i].request) != 0) {
            fail_msg("%s: %s\n%s\n%s", REQUESTS[i].name, problem ? problem : "differs",
                     bytes_text(&request), REQUESTS[i].request);
        }
        bytes_release(&request);
        transform_facts_release(&facts);
    }
}

static void names_become_snake_case(void **state)
{
    (void)state;
    static const struct {
        const char *name, *snake;
    } CASES[] = {
        {"recordingUrl", "recording_url"},
        {"Test", "test"},
        {"SIPDomain", "sipdomain"},
        {"callIDs", "call_ids"},
        {"line2Name", "line2_name"},
        {"x-Custom", "x-custom"},
        {"A", "a"},
        {"already_snake_case", "already_snake_case"},
        {"with_Upper", "with_upper"},
        {"aBcD", "a_bc_d"},
        {"a1B2", "a1_b2"},
    };
    for (size_t i = 0; i < LEN(CASES); i++) {
        const struct transform_settings settings = {0};
        struct transform_facts facts = {0};
        struct bytes request;
        char webhook[256], wanted[256];
        bytes_init(&request, TRANSFORM_REQUEST_BYTES_MAX);
        snprintf(webhook, sizeof webhook, "{%s,\"%s\":7}", CALL, CASES[i].name);
        snprintf(wanted, sizeof wanted, "{%s,\"%s\":7}", SETTINGS, CASES[i].snake);
        assert_null(transform_text(WEBHOOK_DIALIN, webhook, &settings, &request, &facts));
        if (!strstr(bytes_text(&request), wanted)) {
            fail_msg("%s: %s", CASES[i].name, bytes_text(&request));
        }
        bytes_release(&request);
        transform_facts_release(&facts);
    }
}

static void the_key_of_daily_is_added_where_configured(void **state)
{
    (void)state;
    const struct transform_settings settings = {.daily_api_key = "k\"1",
                                                .daily_api_url = "https://api.daily.co/v1"};
    struct transform_facts facts = {0};
    struct bytes request;
    bytes_init(&request, TRANSFORM_REQUEST_BYTES_MAX);
    assert_null(transform_text(WEBHOOK_DIALIN, "{" CALL ",\"dailyApiKey\":\"theirs\"}", &settings,
                               &request, &facts));
    assert_string_equal(bytes_text(&request),
                        DIALIN "{" SETTINGS
                               "}" PASSED_ON("null", "null", "null",
                                             "null") ",\"daily_api_key\":\"k\\\"1\",\"daily_api_"
                                                     "url\":\"https://api.daily.co/v1\"}}");
    bytes_clear(&request);
    assert_null(transform_text(WEBHOOK_TRUNK, "{" TRUNK_ROOM "}", &settings, &request, &facts));
    assert_string_equal(bytes_text(&request),
                        TRUNK("null", "{" TRUNK_ROOM "}",
                              ",\"daily_api_key\":\"k\\\"1\",\"daily_api_url\":"
                              "\"https://api.daily.co/v1\""));
    assert_string_equal(facts.room_url, "https://d/r");
    bytes_clear(&request);
    assert_null(
        transform_text(WEBHOOK_DIALOUT, "{\"dialout_settings\":[1]}", &settings, &request, &facts));
    assert_string_equal(facts.room_url, "");
    assert_string_equal(
        bytes_text(&request),
        ROOM("true", "") "null" PASSED_ON("[1]", "null", "null",
                                          "null") ",\"daily_api_key\":\"k\\\"1\",\"daily_api_url\":"
                                                  "\"https://api.daily.co/v1\"}}");
    bytes_release(&request);
    transform_facts_release(&facts);
}

static void bad_webhooks_are_refused_and_leave_nothing(void **state)
{
    (void)state;
    static const struct {
        enum webhook_kind kind;
        const char *webhook;
    } CASES[] = {
        {WEBHOOK_DIALIN, ""},
        {WEBHOOK_DIALIN, "[]"},
        {WEBHOOK_DIALIN, "{" CALL},
        {WEBHOOK_TRUNK, "{" CALL "}"},
        {WEBHOOK_TRUNK, "{\"room\":{\"url\":7}}"},
        {WEBHOOK_DIALIN, "{" TRUNK_ROOM "}"},
        {WEBHOOK_DIALIN, "{" CALL "}}"},
        {WEBHOOK_DIALIN, "{" CALL ",\"callId\":\"c-2\"}"},
        {WEBHOOK_DIALIN, "{\"To\":\"+1\",\"From\":\"+2\",\"callId\":\"c-1\"}"},
        {WEBHOOK_DIALIN, "{\"To\":\"+1\",\"From\":\"+2\",\"callId\":7,\"callDomain\":\"d-1\"}"},
        {WEBHOOK_DIALIN, "{\"dialout_settings\":[1]}"},
        {WEBHOOK_DIALOUT, "{}"},
        {WEBHOOK_DIALOUT, "{\"dialout_settings\":[]}"},
        {WEBHOOK_DIALOUT, "{\"dialout_settings\":null}"},
        {WEBHOOK_DIALOUT, "{\"dialout_settings\":\"+3\"}"},
        {WEBHOOK_DIALOUT, "{" CALL "}"},
    };
    const struct transform_settings settings = {0};
    struct bytes request;
    bytes_init(&request, TRANSFORM_REQUEST_BYTES_MAX);
    assert_true(bytes_append_text(&request, "before"));
    for (size_t i = 0; i < LEN(CASES); i++) {
        struct transform_facts facts = {0};
        const char *problem =
            transform_text(CASES[i].kind, CASES[i].webhook, &settings, &request, &facts);
        if (!problem || !problem[0] || !view_equal(bytes_view(&request), VIEW("before"))) {
            fail_msg("%s: %s", CASES[i].webhook, bytes_text(&request));
        }
        transform_facts_release(&facts);
    }
    bytes_release(&request);
}

static void each_maximum_is_kept_and_leaves_nothing(void **state)
{
    (void)state;
    const struct transform_settings settings = {.daily_api_key = "key", .daily_api_url = "url"};
    const char *webhook = "{" CALL ",\"sipHeaders\":{},\"extraField\":[1]}";
    struct transform_facts facts = {0};
    struct bytes whole;
    bytes_init(&whole, TRANSFORM_REQUEST_BYTES_MAX);
    assert_null(transform_text(WEBHOOK_DIALIN, webhook, &settings, &whole, &facts));
    for (size_t max = 0; max <= whole.len; max++) {
        struct bytes request;
        bytes_init(&request, max);
        const char *problem = transform_text(WEBHOOK_DIALIN, webhook, &settings, &request, &facts);
        assert_int_equal(problem == NULL, max == whole.len);
        assert_string_equal(bytes_text(&request), problem ? "" : bytes_text(&whole));
        assert_int_equal(request.len, problem ? 0 : whole.len);
        bytes_release(&request);
    }
    bytes_release(&whole);
    transform_facts_release(&facts);
}

static void many_and_long_names_go_through(void **state)
{
    (void)state;
    const struct transform_settings settings = {0};
    struct transform_facts facts = {0};
    struct bytes webhook, request, wanted;
    bytes_init(&webhook, 1 << 20);
    bytes_init(&request, TRANSFORM_REQUEST_BYTES_MAX);
    bytes_init(&wanted, 1 << 20);
    bytes_append_text(&webhook, "{" CALL ",\"");
    bytes_append_text(&wanted, "{" SETTINGS ",\"");
    for (int i = 0; i < 10000; i++) {
        bytes_append_text(&webhook, "aB");
        bytes_append_text(&wanted, i > 0 ? "_ba" : "a");
    }
    bytes_append_text(&webhook, "\":0");
    bytes_append_text(&wanted, "_b\":0");
    for (int i = 5; i < JSON_MEMBERS_MAX; i++) {
        bytes_printf(&webhook, ",\"field%dX\":%d", i, i);
        bytes_printf(&wanted, ",\"field%d_x\":%d", i, i);
    }
    bytes_append_text(&webhook, "}");
    bytes_append_text(&wanted, "}");
    assert_null(transform_text(WEBHOOK_DIALIN, bytes_text(&webhook), &settings, &request, &facts));
    assert_non_null(strstr(bytes_text(&request), bytes_text(&wanted)));
    bytes_release(&webhook);
    bytes_release(&request);
    transform_facts_release(&facts);
    bytes_release(&wanted);
}

static void parties_are_cut_between_characters(void **state)
{
    (void)state;
    const struct transform_settings settings = {0};
    struct transform_facts facts = {0};
    struct bytes webhook, request;
    bytes_init(&webhook, 4096);
    bytes_init(&request, TRANSFORM_REQUEST_BYTES_MAX);
    bytes_append_text(&webhook, "{\"To\":\"+\",\"callId\":\"c\",\"callDomain\":\"d\",\"From\":\"+");
    for (int i = 0; i < 400; i++) {
        bytes_append_text(&webhook, "\xe2\x82\xac");
    }
    bytes_append_text(&webhook, "\"}");
    assert_null(transform_text(WEBHOOK_DIALIN, bytes_text(&webhook), &settings, &request, &facts));
    assert_int_equal(strlen(facts.from), 1 + 341 * 3);
    assert_string_equal(facts.to, "+");
    assert_string_equal(facts.flaw, "From was shortened from 1201 to 1024 bytes");
    assert_null(
        transform_text(WEBHOOK_DIALOUT, "{\"dialout_settings\":[1]}", &settings, &request, &facts));
    assert_string_equal(facts.from, "");
    assert_string_equal(facts.to, "");
    assert_string_equal(facts.flaw, "");
    bytes_release(&webhook);
    bytes_release(&request);
    transform_facts_release(&facts);
}

static void a_replayed_call_keeps_the_id_of_daily(void **state)
{
    (void)state;
    const struct transform_settings settings = {0};
    const struct webhook_entry entry = {.kind = WEBHOOK_DIALIN,
                                        .call_id = VIEW("c-1~r1"),
                                        .replay_of = VIEW("1-0"),
                                        .body = VIEW("{" CALL "}")};
    struct transform_facts facts = {0};
    struct bytes request;
    bytes_init(&request, TRANSFORM_REQUEST_BYTES_MAX);
    assert_null(transform(&entry, &settings, EXPIRES_S, &request, &facts));
    assert_string_equal(bytes_text(&request), DIALIN "{" SETTINGS "}" NOTHING_MORE);
    bytes_release(&request);
    transform_facts_release(&facts);
}

int main(void)
{
    json_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_of_the_contract),
        cmocka_unit_test(webhooks_become_requests),
        cmocka_unit_test(names_become_snake_case),
        cmocka_unit_test(the_key_of_daily_is_added_where_configured),
        cmocka_unit_test(bad_webhooks_are_refused_and_leave_nothing),
        cmocka_unit_test(each_maximum_is_kept_and_leaves_nothing),
        cmocka_unit_test(many_and_long_names_go_through),
        cmocka_unit_test(parties_are_cut_between_characters),
        cmocka_unit_test(a_replayed_call_keeps_the_id_of_daily),
    };
    return cmocka_run_group_tests_name("transform", tests, NULL, NULL);
}
