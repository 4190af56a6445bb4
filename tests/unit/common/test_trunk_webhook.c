// Notifications of SIP trunks, good and hostile: what the rest of the system reads of them, and the
// id that they give a call.
#include "json.h"
#include "trunk_webhook.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEN(array) (sizeof(array) / sizeof(array)[0])
#define ROOM "\"room\":{\"url\":\"https://d.daily.co/r-1\"}"
#define URL "\"room_url\":\"https://d.daily.co/r-1\",\"sip_trunk\":"
#define NOBODY "{\"From\":\"\",\"To\":\"\","

static void what_is_read(void **state)
{
    (void)state;
    static const struct {
        const char *body, *text, *flaw;
    } CASES[] = {
        {"{" ROOM "}", NOBODY URL "{" ROOM "}}", ""},
        {"{\"type\":\"sip_trunk.incoming\"," ROOM "}",
         NOBODY URL "{\"type\":\"sip_trunk.incoming\"," ROOM "}}", ""},
        {"{\"event\":\"sip_trunk.incoming\",\"type\":7," ROOM "}",
         NOBODY URL "{\"event\":\"sip_trunk.incoming\",\"type\":7," ROOM "}}", ""},
        {"{" ROOM ",\"from\":\"+1\",\"to\":\"sip:a@b\"}",
         "{\"From\":\"+1\",\"To\":\"sip:a@b\"," URL "{" ROOM
         ",\"from\":\"+1\",\"to\":\"sip:a@b\"}}",
         ""},
        // nested, numbers, of which the outermost wins, and neither lists nor objects
        {"{\"call\":{\"from\":\"+9\",\"to\":14155550100},\"from\":\"+1\"," ROOM "}",
         "{\"From\":\"+1\",\"To\":\"14155550100\"," URL
         "{\"call\":{\"from\":\"+9\",\"to\":14155550100},\"from\":\"+1\"," ROOM "}}",
         ""},
        {"{\"from\":{\"a\":1},\"to\":[\"+1\"]," ROOM "}",
         NOBODY URL "{\"from\":{\"a\":1},\"to\":[\"+1\"]," ROOM "}}", ""},
        {"{\"sip_headers\":{\"X-A\":\"b\",\"X-B\":1}," ROOM "}",
         NOBODY "\"sipHeaders\":{\"X-A\":\"b\"}," URL
                "{\"sip_headers\":{\"X-A\":\"b\",\"X-B\":1}," ROOM "}}",
         "a SIP header is not a text"},
        // repaired outside the room
        {"{\"a\":\"\xff\"," ROOM "}", NOBODY URL "{\"a\":\"\xef\xbf\xbd\"," ROOM "}}", "not UTF-8"},
        {"{\"from\":\"+1\\u0000\",\"from\":\"+2\"," ROOM "}",
         "{\"From\":\"+1\",\"To\":\"\"," URL "{\"from\":\"+1\"," ROOM "}}", "repeated"},
    };
    for (size_t i = 0; i < LEN(CASES); i++) {
        struct webhook_repaired call;
        if (!trunk_webhook_repair(&call, view_of_text(CASES[i].body)) || !call.is_trunk ||
            strcmp(bytes_text(&call.text), CASES[i].text) != 0 ||
            !strstr(call.flaw, CASES[i].flaw) || !CASES[i].flaw[0] != !call.flaw[0]) {
            fail_msg("%s: %s, %s, %s", CASES[i].body, call.sentence, bytes_text(&call.text),
                     call.flaw);
        }
        webhook_repair_release(&call);
    }
}

static void what_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *body, *code, *sentence;
    } CASES[] = {
        {"", "invalid_json", "JSON"},
        {"[]", "invalid_json", "object"},
        {"{" ROOM, "invalid_json", "JSON"},
        {"{" ROOM "}}", "invalid_json", "JSON"},
        {"{}", "missing_fields", "room.url"},
        {"{\"room\":{}}", "missing_fields", "room.url"},
        {"{\"room\":null}", "missing_fields", "room.url"},
        {"{\"room\":{\"url\":\"\"}}", "missing_fields", "room.url"},
        {"{\"room\":{\"url\":null}}", "missing_fields", "room.url"},
        {"{\"room\":{\"URL\":\"https://d/r\"}}", "missing_fields", "room.url"},
        {"{\"room\":\"https://d/r\"}", "invalid_field", "room.url"},
        {"{\"room\":[" ROOM "]}", "invalid_json", "JSON"},
        {"{\"room\":[{\"url\":\"https://d/r\"}]}", "invalid_field", "room.url"},
        {"{\"room\":{\"url\":7}}", "invalid_field", "room.url"},
        {"{\"room\":{\"url\":\"https://d/r\\u0000x\"}}", "invalid_field", "u0000"},
        {"{\"room\":{\"url\":\"https://d/r\xff\"}}", "invalid_field", "UTF-8"},
        {"{\"room\":{\"url\":\"https://d/r\\ud800\"}}", "invalid_field", "UTF-8"},
        {"{" ROOM "," ROOM "}", "invalid_field", "repeated"},
        {"{\"type\":\"sip_trunk.ended\"," ROOM "}", "invalid_field", "sip_trunk.incoming"},
        {"{\"event\":\"sip_trunk.test\"," ROOM "}", "invalid_field", "sip_trunk.incoming"},
    };
    for (size_t i = 0; i < LEN(CASES); i++) {
        struct webhook_repaired call;
        if (trunk_webhook_repair(&call, view_of_text(CASES[i].body)) || !call.code ||
            strcmp(call.code, CASES[i].code) != 0 || !strstr(call.sentence, CASES[i].sentence)) {
            fail_msg("%s: %s, %s", CASES[i].body, call.code ? call.code : "taken", call.sentence);
        }
        webhook_repair_release(&call);
    }
}

static void depth_is_one_less(void **state)
{
    (void)state;
    for (size_t depth = JSON_DEPTH_MAX - 1; depth <= JSON_DEPTH_MAX; depth++) {
        struct webhook_repaired call;
        struct bytes body;
        bytes_init(&body, 1024);
        bytes_append_text(&body, "{" ROOM ",\"a\":");
        for (size_t i = 1; i < depth; i++) {
            bytes_append_text(&body, "[");
        }
        for (size_t i = 1; i < depth; i++) {
            bytes_append_text(&body, "]");
        }
        bytes_append_text(&body, "}");
        assert_int_equal(trunk_webhook_repair(&call, bytes_view(&body)), depth < JSON_DEPTH_MAX);
        webhook_repair_release(&call);
        bytes_release(&body);
    }
}

static void the_test_of_daily(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        bool is_test;
    } CASES[] = {
        {"{\"type\":\"sip_trunk.test\"}", true},
        {"{\"event\":\"sip_trunk.test\",\"room\":{}}", true},
        {"{\"type\":\"sip_trunk.test2\"}", false},
        {"{\"x\":\"sip_trunk.test\"}", false},
        {"{\"type\":\"sip_trunk.incoming\",\"event\":\"sip_trunk.test\"}", false},
        {"{\"test\":\"test\"}", false},
        {"sip_trunk.test", false},
        {"", false},
    };
    for (size_t i = 0; i < LEN(CASES); i++) {
        if (trunk_webhook_is_test(view_of_text(CASES[i].body)) != CASES[i].is_test) {
            fail_msg("%s", CASES[i].body);
        }
    }
}

// The digests were computed with sha256sum.
static void the_id_of_a_call(void **state)
{
    (void)state;
    static const struct {
        const char *url, *id;
    } CASES[] = {
        {"https://d.daily.co/r-1", "trunk-r-1"},
        {"https://d.daily.co/AZ_09-az?t=eyJ&x=/y#/z", "trunk-AZ_09-az"},
        {"r-1", "trunk-r-1"},
        {"https://d.daily.co/r#1", "trunk-r"},
        {"https://d.daily.co/", "trunk-dcf0a21b3e8ef747a953c70ce005d405"},
        {"https://d.daily.co/r 1", "trunk-aab2b12e974c72ce6bc2a7d103e57332"},
        {"https://d.daily.co/a~r1", "trunk-f4c799ce476fba0d4185b2741ddcd719"},
        {"?", "trunk-8a8de823d5ed3e12746a62ef169bcf37"},
        {"javascript:alert(1)", NULL},
        {"https://d.daily.co/../%2e%2e", NULL},
        {"https://d.daily.co/\xc3\xa9", NULL},
        {"{dialin}:call:x", NULL},
        {"\n", NULL},
    };
    for (size_t i = 0; i < LEN(CASES); i++) {
        char id[WEBHOOK_CALL_ID_BYTES_MAX + 1];
        trunk_webhook_call_id(CASES[i].url, id);
        bool is_digest = strlen(id) == 6 + 32 && strspn(id + 6, "0123456789abcdef") == 32;
        if (CASES[i].id ? strcmp(id, CASES[i].id) != 0 : !is_digest) {
            fail_msg("%s: %s", CASES[i].url, id);
        }
    }
}

static void a_long_name_has_a_digest(void **state)
{
    (void)state;
    char url[256] = "https://d/", id[WEBHOOK_CALL_ID_BYTES_MAX + 1];
    memset(url + 10, 'a', 123);
    trunk_webhook_call_id(url, id);
    assert_int_equal(strlen(id), 6 + 32);
    url[10 + 122] = '\0';
    trunk_webhook_call_id(url, id);
    assert_int_equal(strlen(id), 128);
}

static void long_parties_are_shortened(void **state)
{
    (void)state;
    struct webhook_repaired call;
    struct bytes body;
    bytes_init(&body, 4096);
    bytes_append_text(&body, "{" ROOM ",\"from\":\"+");
    for (size_t i = 0; i < WEBHOOK_PARTY_BYTES_MAX; i++) {
        bytes_append_text(&body, "1");
    }
    bytes_append_text(&body, "\"}");
    assert_true(trunk_webhook_repair(&call, bytes_view(&body)));
    assert_int_equal(strlen(json_text(call.document.tree, "From")), WEBHOOK_PARTY_BYTES_MAX);
    assert_non_null(strstr(call.flaw, "From was shortened"));
    webhook_repair_release(&call);
    bytes_release(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_read),
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(depth_is_one_less),
        cmocka_unit_test(the_test_of_daily),
        cmocka_unit_test(the_id_of_a_call),
        cmocka_unit_test(a_long_name_has_a_digest),
        cmocka_unit_test(long_parties_are_shortened),
    };
    return cmocka_run_group_tests_name("trunk_webhook", tests, NULL, NULL);
}
