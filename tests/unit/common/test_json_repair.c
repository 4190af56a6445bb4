// Whole JSON with flaws becomes strict JSON: CONTRACT, section 2, "never refused".
#include "json_repair.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#define DIGITS_70 "1234567890123456789012345678901234567890123456789012345678901234567890"
#define TEXT(literal)                                                                              \
    {                                                                                              \
        (literal), sizeof(literal) - 1                                                             \
    }

static const char *const KNOWN[] = {"known", NULL};

static void flaws_are_repaired(void **state)
{
    (void)state;
    static const struct {
        struct bytes_view text;
        const char *repaired;
        unsigned flaws;
    } CASES[] = {
        {TEXT(" { \"a\" : [ 1.50 , true ] } "), "{\"a\":[ 1.50 , true ]}", 0},
        {TEXT("{\"a\":\"\xff\"}"), "{\"a\":\"\xef\xbf\xbd\"}", JSON_FLAW_UTF8},
        {TEXT("{\"a\":\"\xc3\xa4\\n\\\"\"}"), "{\"a\":\"\xc3\xa4\\u000a\\\"\"}", 0},
        {TEXT("{\"a\":\"x\\ud800y\"}"), "{\"a\":\"x\xef\xbf\xbdy\"}", JSON_FLAW_SURROGATE},
        {TEXT("{\"a\":\"\\ud800\\u0041\"}"),
         "{\"a\":\"\xef\xbf\xbd"
         "A\"}",
         JSON_FLAW_SURROGATE},
        {TEXT("{\"a\":\"\\udc00\\ud83d\\ude00\"}"), "{\"a\":\"\xef\xbf\xbd\xf0\x9f\x98\x80\"}",
         JSON_FLAW_SURROGATE},
        {TEXT("{\"a\":\"x\\u0000y\"}"), "{\"a\":\"xy\"}", JSON_FLAW_NUL},
        {TEXT("{\"a\":\"\\\\u0000\"}"), "{\"a\":\"\\\\u0000\"}", 0},
        {TEXT("{\"a\":[" DIGITS_70 "]}"), "{\"a\":[\"" DIGITS_70 "\"]}", JSON_FLAW_NUMBER},
        {TEXT("{\"a\":1,\"b\":2,\"a\":3}"), "{\"a\":1,\"b\":2}", JSON_FLAW_REPEATED},
        {TEXT("{\"a\":1,\"\\u0061\":3}"), "{\"a\":1}", JSON_FLAW_REPEATED},
        {TEXT("{\"a\":{\"\\u0000b\":\"\xff\"}}"), "{\"a\":{\"b\":\"\xef\xbf\xbd\"}}",
         JSON_FLAW_NUL | JSON_FLAW_UTF8},
        {TEXT("{}"), "{}", 0},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct json_repair repair;
        struct json_document document;
        struct bytes out;
        bytes_init(&out, 4096);
        const char *problem = json_repair_read(&repair, CASES[i].text, KNOWN);
        bool fits = !problem && json_repair_write(&repair, &out);
        if (!fits || repair.flaws != CASES[i].flaws ||
            strcmp(bytes_text(&out), CASES[i].repaired) != 0) {
            fail_msg("%s: %s, flaws %x, %s", CASES[i].text.data, bytes_text(&out), repair.flaws,
                     problem ? problem : "");
        }
        assert_null(json_parse(&document, bytes_view(&out)));
        json_release(&document);
        json_repair_release(&repair);
        bytes_release(&out);
    }
}

static void what_is_not_whole_json_is_not_repaired(void **state)
{
    (void)state;
    static const struct bytes_view CASES[] = {
        TEXT(""),
        TEXT("[]"),
        TEXT("{\"a\":1"),
        TEXT("{\"a\":1}x"),
        TEXT("{\"a\":01}"),
        TEXT("{\"a\":\"\n\"}"),
        TEXT("{\"a\":\"\\x\"}"),
        TEXT("{\"a\":\"\\ud8\"}"),
        TEXT("{\"a\":\"\\ud800\\u00\"}"),
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct json_repair repair;
        if (!json_repair_read(&repair, CASES[i], KNOWN)) {
            fail_msg("%s", CASES[i].data);
        }
        json_repair_release(&repair);
    }
}

static void of_too_many_members_the_known_ones_are_kept(void **state)
{
    (void)state;
    for (int count = JSON_MEMBERS_MAX - 1; count <= 2 * JSON_MEMBERS_MAX; count++) {
        struct json_repair repair;
        struct bytes text;
        bytes_init(&text, 65536);
        bytes_append_text(&text, "{");
        for (int i = 0; i < count; i++) {
            bytes_printf(&text, "\"m%d\":%d,", i, i);
        }
        bytes_append_text(&text, "\"known\":1}");
        assert_null(json_repair_read(&repair, bytes_view(&text), KNOWN));
        bool is_crowded = count + 1 > JSON_MEMBERS_MAX;
        assert_int_equal(repair.count, is_crowded ? 1 : count + 1);
        assert_int_equal(repair.flaws, is_crowded ? JSON_FLAW_MEMBERS : 0);
        assert_non_null(json_repair_find(&repair, "known"));
        json_repair_release(&repair);
        bytes_release(&text);
    }
}

int main(void)
{
    json_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flaws_are_repaired),
        cmocka_unit_test(what_is_not_whole_json_is_not_repaired),
        cmocka_unit_test(of_too_many_members_the_known_ones_are_kept),
    };
    return cmocka_run_group_tests_name("json_repair", tests, NULL, NULL);
}
