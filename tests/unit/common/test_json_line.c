// Objects on one line: always JSON, always UTF-8, whatever stands in the texts.
#include "json_line.h"

#include "json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static void members_nest(void **state)
{
    (void)state;
    struct json_line line;
    json_line_init(&line);
    json_line_text(&line, "a", VIEW("b"));
    json_line_open(&line, "list", '[');
    json_line_open_element(&line);
    json_line_number(&line, "n", UINT64_MAX);
    json_line_close(&line, '}');
    json_line_open_element(&line);
    json_line_close(&line, '}');
    json_line_close(&line, ']');
    json_line_open(&line, "object", '{');
    json_line_flag(&line, "yes", true);
    json_line_null(&line, "nothing");
    json_line_close(&line, '}');
    assert_string_equal(bytes_text(&line.text),
                        "{\"a\":\"b\",\"list\":[{\"n\":18446744073709551615},{}],"
                        "\"object\":{\"yes\":true,\"nothing\":null}");
    json_line_release(&line);
}

static void texts_are_escaped(void **state)
{
    (void)state;
    static const struct {
        struct bytes_view text;
        const char *json;
    } CASES[] = {
        {VIEW(""), "\"\""},
        {VIEW("a\"b\\c"), "\"a\\\"b\\\\c\""},
        {{"\0\n\x1b", 3}, "\"\\u0000\\u000a\\u001b\""},
        {VIEW("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"), "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\""},
        {VIEW("a\xff"
              "b"),
         "\"a\xef\xbf\xbd"
         "b\""},
        {VIEW("\xc3"), "\"\xef\xbf\xbd\""},
        {VIEW("\xed\xa0\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
        {VIEW("\xc0\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\""},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct bytes out;
        bytes_init(&out, 256);
        assert_true(json_append_text(&out, CASES[i].text));
        assert_string_equal(bytes_text(&out), CASES[i].json);
        bytes_release(&out);
    }
}

// A terminal acts on some characters that JSON leaves as they are.
static void nothing_is_meant_for_a_terminal(void **state)
{
    (void)state;
    static const struct {
        struct bytes_view text;
        const char *json;
    } CASES[] = {
        {VIEW("a\x7f"), "{\"a\":\"a\\u007f\""},
        {VIEW("\xc2\x9b"
              "31m\xc2\x80"),
         "{\"a\":\"\\u009b31m\\u0080\""},
        {VIEW("\xc2\x9f\xc2\xa0\xc3\x9b\xe2\x82\x80"),
         "{\"a\":\"\\u009f\xc2\xa0\xc3\x9b\xe2\x82\x80\""},
        {VIEW("\xc2"), "{\"a\":\"\xef\xbf\xbd\""},
        {VIEW("\x1b"), "{\"a\":\"\\u001b\""},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct json_line line;
        json_line_init(&line);
        json_line_text(&line, "a", CASES[i].text);
        assert_string_equal(bytes_text(&line.text), CASES[i].json);
        json_line_release(&line);
    }
}

static void a_text_that_is_too_long_is_left_out(void **state)
{
    (void)state;
    struct json_line line;
    json_line_init(&line);
    line.text.max = 16;
    json_line_text(&line, "long", VIEW("0123456789abcdef"));
    json_line_text(&line, "b", VIEW("c"));
    assert_string_equal(bytes_text(&line.text), "{\"b\":\"c\"");
    json_line_text(&line, "d", VIEW("\x7f\x7f")); // it fits until it is escaped
    assert_string_equal(bytes_text(&line.text), "{\"b\":\"c\"");
    json_line_release(&line);
}

// The story of a call with hundreds of long requests.
static void an_object_of_any_length_is_closed(void **state)
{
    (void)state;
    static char text[4000];
    struct json_line line;
    memset(text, 'x', sizeof text);
    json_line_init(&line);
    json_line_open(&line, "events", '[');
    for (uint64_t i = 0; i < 9000; i++) {
        json_line_open_element(&line);
        json_line_text(&line, "request", (struct bytes_view){text, sizeof text});
        json_line_number(&line, "attempt", i);
        json_line_null(&line, "reason");
        json_line_close(&line, '}');
    }
    json_line_close(&line, ']');
    assert_true(line.text.len > 15 * 1024 * 1024);
    static const char END[] = "{\"attempt\":8999,\"reason\":null}]";
    assert_string_equal(bytes_text(&line.text) + line.text.len - strlen(END), END);
    json_line_release(&line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_nest),
        cmocka_unit_test(texts_are_escaped),
        cmocka_unit_test(nothing_is_meant_for_a_terminal),
        cmocka_unit_test(a_text_that_is_too_long_is_left_out),
        cmocka_unit_test(an_object_of_any_length_is_closed),
    };
    return cmocka_run_group_tests_name("json_line", tests, NULL, NULL);
}
