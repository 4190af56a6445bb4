// What a route merges into a request: it fills in and adds, and overwrites nothing of the webhook
// or of the contract.
#include "transform.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#define EXPIRES_S 1795408783
#define CALL "\"From\":\"+2\",\"To\":\"+1\",\"callId\":\"c\",\"callDomain\":\"d\""

static void merge(const char *webhook, const char *body, const char *room, const char *key,
                  struct bytes *request)
{
    const struct webhook_entry entry = {.kind = WEBHOOK_DIALIN, .body = view_of_text(webhook)};
    struct json_document body_document, room_document;
    struct transform_facts facts = {0};
    struct transform_settings settings = {.daily_api_key = key, .daily_api_url = "u"};
    bytes_init(request, TRANSFORM_REQUEST_BYTES_MAX);
    if (body) {
        assert_null(json_parse(&body_document, view_of_text(body)));
        settings.body = &body_document;
    }
    if (room) {
        assert_null(json_parse(&room_document, view_of_text(room)));
        settings.room = &room_document;
    }
    assert_null(transform(&entry, &settings, EXPIRES_S, request, &facts));
    transform_facts_release(&facts);
    cJSON *tree = cJSON_Parse(bytes_text(request));
    assert_non_null(tree);
    cJSON_Delete(tree);
    if (body) {
        json_release(&body_document);
    }
    if (room) {
        json_release(&room_document);
    }
}

static void a_route_fills_in_and_adds(void **state)
{
    (void)state;
    static const struct {
        const char *webhook, *body, *room, *key, *wanted; // `wanted` stands in the request
    } CASES[] = {
        {"{" CALL "}", "{\"tenant\":{\"id\":12345678901234567890}}", NULL, NULL,
         ",\"sip_headers\":null,\"tenant\":{\"id\":12345678901234567890}}}"},
        {"{" CALL "}", "{\"voicemail_detection\":{\"on\":true}}", NULL, NULL,
         "\"voicemail_detection\":{\"on\":true},\"call_transfer\":null"},
        {"{" CALL ",\"voicemail_detection\":false}", "{\"voicemail_detection\":true}", NULL, NULL,
         "\"voicemail_detection\":false,"},
        {"{" CALL "}", "{\"call_transfer\":{}}", NULL, NULL, "\"num_endpoints\":2,"},
        {"{" CALL "}", "{\"call_transfer\":{}}", NULL, NULL, "\"call_transfer\":{},"},
        {"{" CALL "}", "{\"sip_headers\":{\"a\":\"b\"}}", NULL, NULL, "\"sip_headers\":null}}"},
        {"{" CALL "}", "{\"dialin_settings\":{\"call_id\":\"x\",\"From\":\"y\",\"to\":\"z\"}}",
         NULL, NULL, "\"call_id\":\"c\",\"call_domain\":\"d\"},"},
        {"{" CALL ",\"aB\":1}", "{\"dialin_settings\":{\"a_b\":2,\"language\":\"de\"}}", NULL, NULL,
         "\"a_b\":1,\"language\":\"de\"},"},
        {"{" CALL "}", "{\"dialin_settings\":7}", NULL, NULL, "\"call_domain\":\"d\"},"},
        {"{" CALL "}", "{\"daily_api_key\":\"route\"}", NULL, NULL,
         ",\"daily_api_key\":\"route\"}"},
        {"{" CALL "}", "{\"daily_api_key\":\"route\"}", NULL, "ours",
         "\"daily_api_key\":\"ours\",\"daily_api_url\":\"u\"}}"},
        {"{" CALL "}", NULL, "{\"enable_dialout\":true,\"exp\":1,\"eject_at_room_exp\":true}", NULL,
         "{\"enable_dialout\":true,\"exp\":1795408783,\"eject_at_room_exp\":false,\"sip\""},
        {"{" CALL ",\"dialout_settings\":[1]}", NULL, "{\"enable_dialout\":false}", NULL,
         "\"enable_dialout\":true"},
        {"{" CALL "}", NULL, "{\"sip\":{\"sip_mode\":\"x\",\"video\":true},\"geo\":\"eu\"}", NULL,
         "\"codecs\":{\"audio\":[\"OPUS\"]},\"video\":true},\"geo\":\"eu\"}"},
        {"{" CALL "}", NULL, "{\"sip\":[]}", NULL, "\"codecs\":{\"audio\":[\"OPUS\"]}}},\"body\""},
        {"{" CALL "}", "{}", "{}", NULL, "\"sip_headers\":null}}"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct bytes request;
        merge(CASES[i].webhook, CASES[i].body, CASES[i].room, CASES[i].key, &request);
        if (!strstr(bytes_text(&request), CASES[i].wanted)) {
            fail_msg("case %zu: %s", i, bytes_text(&request));
        }
        bytes_release(&request);
    }
}

static void without_a_route_nothing_changes(void **state)
{
    (void)state;
    struct bytes with, without;
    merge("{" CALL "}", "{}", "{}", NULL, &with);
    merge("{" CALL "}", NULL, NULL, NULL, &without);
    assert_string_equal(bytes_text(&with), bytes_text(&without));
    bytes_release(&with);
    bytes_release(&without);
}

int main(void)
{
    json_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_route_fills_in_and_adds),
        cmocka_unit_test(without_a_route_nothing_changes),
    };
    return cmocka_run_group_tests_name("transform_routes", tests, NULL, NULL);
}
