// What is JSON and what is not. Each text stands in memory of exactly
// its size, so that the address sanitizer sees every byte read beyond it.
#include "json.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT(literal)                                                                              \
    {                                                                                              \
        (literal), sizeof(literal) - 1                                                             \
    }
#define OUT_BYTES_MAX 65536

// Parses a copy without a NUL behind it. The sentence, or NULL.
static const char *problem_of(struct bytes_view text)
{
    struct json_document document;
    char *copy = text.len > 0 ? malloc(text.len) : NULL;
    if (copy) {
        memcpy(copy, text.data, text.len);
    }
    const char *problem = json_parse(&document, (struct bytes_view){copy, text.len});
    assert_true(problem ? !document.tree && document.member_count == 0 : !!document.tree);
    json_release(&document);
    free(copy);
    return problem;
}

struct json_case {
    struct bytes_view text;
    const char *problem; // a part of the sentence; NULL: it is good
};

static void check(const struct json_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *problem = problem_of(cases[i].text);
        if (!problem != !cases[i].problem || (problem && !strstr(problem, cases[i].problem))) {
            fail_msg("%.*s: %s", (int)cases[i].text.len, cases[i].text.data,
                     problem ? problem : "accepted");
        }
        for (const char *c = problem; c && *c; c++) {
            assert_in_range(*c, ' ', '~'); // it goes into answers and logs as it is
        }
    }
}

static void the_grammar_is_kept(void **state)
{
    (void)state;
    static const struct json_case CASES[] = {
        {TEXT("{}"), NULL},
        {TEXT(" \t\r\n{ \"a\" : [ ] , \"b\" : { } } \n"), NULL},
        {TEXT("{\"a\":true,\"b\":false,\"c\":null,\"d\":[1,\"2\",{}]}"), NULL},
        {TEXT(""), "no text"},
        {TEXT(" "), "ends too early"},
        {TEXT("[]"), "not a JSON object"},
        {TEXT("\"a\""), "not a JSON object"},
        {TEXT("1"), "not a JSON object"},
        {TEXT("null"), "not a JSON object"},
        {TEXT("\xef\xbb\xbf{}"), "not a JSON object"}, // a byte order mark
        {TEXT("{} {}"), "after the object"},
        {TEXT("{}x"), "after the object"},
        {TEXT("{}\0"), "after the object"},
        {TEXT("{},"), "after the object"},
        {TEXT("{"), "no name in quotes"},
        {TEXT("{\"a\""), "no colon"},
        {TEXT("{\"a\":"), "ends too early"},
        {TEXT("{\"a\":1"), "an object does not end"},
        {TEXT("{\"a\":1,}"), "no name in quotes"},
        {TEXT("{,\"a\":1}"), "no name in quotes"},
        {TEXT("{\"a\" 1}"), "no colon"},
        {TEXT("{\"a\":1 \"b\":2}"), "an object does not end"},
        {TEXT("{a:1}"), "no name in quotes"},
        {TEXT("{'a':1}"), "no name in quotes"},
        {TEXT("{1:1}"), "no name in quotes"},
        {TEXT("{\"a\":[1,]}"), "not JSON"},
        {TEXT("{\"a\":[,1]}"), "not JSON"},
        {TEXT("{\"a\":[1 2]}"), "an array does not end"},
        {TEXT("{\"a\":[1}"), "an array does not end"},
        {TEXT("{\"a\":[}"), "not JSON"},
        {TEXT("{\"a\":tru}"), "not JSON"},
        {TEXT("{\"a\":True}"), "not JSON"},
        {TEXT("{\"a\":nul"), "not JSON"},
        {TEXT("{\"a\":nulll}"), "an object does not end"},
        {TEXT("{\"a\":NaN}"), "not JSON"},
        {TEXT("{\"a\":Infinity}"), "not JSON"},
        {TEXT("{\"a\":undefined}"), "not JSON"},
        {TEXT("{\"a\":1}//"), "after the object"},
        {TEXT("{/**/}"), "no name in quotes"},
        {TEXT("{\"a\":\f1}"), "not JSON"},
        {TEXT("{\"a\":\xc2\xa0"
              "1}"),
         "not JSON"},
    };
    check(CASES, sizeof CASES / sizeof CASES[0]);
}

static void numbers_are_as_the_rfc_writes_them(void **state)
{
    (void)state;
    static const struct json_case CASES[] = {
        {TEXT("{\"a\":0}"), NULL},
        {TEXT("{\"a\":-0}"), NULL},
        {TEXT("{\"a\":10.50e+07}"), NULL},
        {TEXT("{\"a\":0E-1}"), NULL},
        {TEXT("{\"a\":1e999}"), NULL},
        {TEXT("{\"a\":123456789012345678901234567890123456789012345678901234567890123}"), NULL},
        {TEXT("{\"a\":1234567890123456789012345678901234567890123456789012345678901234}"),
         "longer than 63"},
        {TEXT("{\"a\":01}"), "an object does not end"},
        {TEXT("{\"a\":-01}"), "an object does not end"},
        {TEXT("{\"a\":1.}"), "behind its point"},
        {TEXT("{\"a\":.5}"), "not JSON"},
        {TEXT("{\"a\":-}"), "no digits"},
        {TEXT("{\"a\":-"), "no digits"},
        {TEXT("{\"a\":-.5}"), "no digits"},
        {TEXT("{\"a\":+1}"), "not JSON"},
        {TEXT("{\"a\":1e}"), "in its exponent"},
        {TEXT("{\"a\":1e+}"), "in its exponent"},
        {TEXT("{\"a\":1e+-1}"), "in its exponent"},
        {TEXT("{\"a\":1e1.5}"), "an object does not end"},
        {TEXT("{\"a\":0x10}"), "an object does not end"},
        {TEXT("{\"a\":1_000}"), "an object does not end"},
        {TEXT("{\"a\":--1}"), "no digits"},
    };
    check(CASES, sizeof CASES / sizeof CASES[0]);
}

static void strings_are_utf8_with_known_escapes(void **state)
{
    (void)state;
    static const struct json_case CASES[] = {
        {TEXT("{\"a\":\"\\\" \\\\ \\/ \\b \\f \\n \\r \\t \\u00e4\\uABCD\\uabcd\"}"), NULL},
        {TEXT("{\"a\":\"\\ud83d\\ude00 \xf0\x9f\x98\x80 \xc3\xa4 \xe2\x82\xac \x7f\"}"), NULL},
        {TEXT("{\"a\":\"\xc2\x80 \xdf\xbf \xe0\xa0\x80 \xed\x9f\xbf \xee\x80\x80 \xef\xbf\xbf\"}"),
         NULL},
        {TEXT("{\"a\":\"\xf0\x90\x80\x80 \xf4\x8f\xbf\xbf\"}"), NULL},
        {TEXT("{\"a\":\"\x80\"}"), "not UTF-8"},             // a continuation alone
        {TEXT("{\"a\":\"\xc3\"}"), "not UTF-8"},             // cut
        {TEXT("{\"a\":\"\xc3"), "not UTF-8"},                // cut by the end
        {TEXT("{\"a\":\"\xe2\x82\"}"), "not UTF-8"},         // cut
        {TEXT("{\"a\":\"\xe2\x28\xa1\"}"), "not UTF-8"},     // a wrong continuation
        {TEXT("{\"a\":\"\xc0\xaf\"}"), "not UTF-8"},         // overlong, two bytes
        {TEXT("{\"a\":\"\xc1\xbf\"}"), "not UTF-8"},         // overlong, two bytes
        {TEXT("{\"a\":\"\xc0\x80\"}"), "not UTF-8"},         // an overlong NUL
        {TEXT("{\"a\":\"\xe0\x9f\xbf\"}"), "not UTF-8"},     // overlong, three bytes
        {TEXT("{\"a\":\"\xf0\x8f\xbf\xbf\"}"), "not UTF-8"}, // overlong, four bytes
        {TEXT("{\"a\":\"\xed\xa0\x80\"}"), "not UTF-8"},     // a surrogate
        {TEXT("{\"a\":\"\xed\xbf\xbf\"}"), "not UTF-8"},     // a surrogate
        {TEXT("{\"a\":\"\xf4\x90\x80\x80\"}"), "not UTF-8"}, // above U+10FFFF
        {TEXT("{\"a\":\"\xf5\x80\x80\x80\"}"), "not UTF-8"},
        {TEXT("{\"a\":\"\xff\"}"), "not UTF-8"},
        {TEXT("{\"\xff\":1}"), "not UTF-8"}, // in a name
        {TEXT("{\"a\":[{\"b\":\"\xff\"}]}"), "not UTF-8"},
        {TEXT("{\"a\":\"\n\"}"), "control byte"},
        {TEXT("{\"a\":\"\t\"}"), "control byte"},
        {TEXT("{\"a\":\"\x1f\"}"), "control byte"},
        {TEXT("{\"a\":\"b\0c\"}"), "control byte"},
        {TEXT("{\"a\0\":1}"), "control byte"},
        {TEXT("{\"a\":\"\\u0000\"}"), "u0000"},
        {TEXT("{\"callId\":\"c-1\\u0000x\"}"), "u0000"},
        {TEXT("{\"a\\u0000\":1}"), "u0000"},
        {TEXT("{\"a\":[{\"b\":\"\\u0000\"}]}"), "u0000"},
        {TEXT("{\"a\":\"\\x41\"}"), "unknown escape"},
        {TEXT("{\"a\":\"\\'\"}"), "unknown escape"},
        {TEXT("{\"a\":\"\\\0\"}"), "unknown escape"},
        {TEXT("{\"a\":\"\\U0041\"}"), "unknown escape"},
        {TEXT("{\"a\":\"\\u004\"}"), "four hex digits"},
        {TEXT("{\"a\":\"\\u00"), "four hex digits"},
        {TEXT("{\"a\":\"\\u004g\"}"), "four hex digits"},
        {TEXT("{\"a\":\"\\u+041\"}"), "four hex digits"},
        {TEXT("{\"a\":\"\\u 041\"}"), "four hex digits"},
        {TEXT("{\"a\":\"\\u00\x10"
              "1\"}"),
         "four hex digits"},
        {TEXT("{\"a\":\"\\ud800\"}"), "surrogate"},        // high, alone
        {TEXT("{\"a\":\"\\ud800x\"}"), "surrogate"},       // high, then text
        {TEXT("{\"a\":\"\\ud800\\n\"}"), "surrogate"},     // high, then an escape
        {TEXT("{\"a\":\"\\ud800\\u0041\"}"), "surrogate"}, // high, then a letter
        {TEXT("{\"a\":\"\\ud800\\ud800\"}"), "surrogate"}, // twice high
        {TEXT("{\"a\":\"\\udc00\"}"), "surrogate"},        // low, alone
        {TEXT("{\"a\":\"\\udc00\\udc00\"}"), "surrogate"}, // twice low
        {TEXT("{\"a\":\"\\udc00\\ud800\"}"), "surrogate"}, // in the wrong order
        {TEXT("{\"a\":\"\\ud800\\u"), "surrogate"},
        {TEXT("{\"a\":\"b"), "a string does not end"},
        {TEXT("{\"a\":\"b\\"), "a string does not end"},
        {TEXT("{\"a\":\"b\\\""), "a string does not end"},
    };
    check(CASES, sizeof CASES / sizeof CASES[0]);
}

static void outermost_keys_are_not_repeated(void **state)
{
    (void)state;
    static const struct json_case CASES[] = {
        {TEXT("{\"a\":1,\"b\":1,\"A\":1,\"\":1}"), NULL},
        {TEXT("{\"a\":{\"x\":1,\"x\":2}}"), NULL}, // only the outermost ones are ours
        {TEXT("{\"callId\":\"1\",\"callId\":\"2\"}"), "repeated"},
        {TEXT("{\"a\":1,\"b\":2,\"c\":3,\"a\":1}"), "repeated"},
        {TEXT("{\"\":1,\"\":2}"), "repeated"},
        {TEXT("{\"callId\":1,\"c\\u0061llId\":2}"), "repeated"},
        {TEXT("{\"a/b\":1,\"a\\/b\":2}"), "repeated"},
        {TEXT("{\"\xf0\x9f\x98\x80\":1,\"\\ud83d\\ude00\":2}"), "repeated"},
    };
    check(CASES, sizeof CASES / sizeof CASES[0]);
}

static const char *problem_of_depth(const char *open, const char *inner, const char *close,
                                    unsigned depth)
{
    struct bytes text;
    bytes_init(&text, OUT_BYTES_MAX);
    bytes_append_text(&text, "{\"a\":");
    for (unsigned i = 1; i < depth; i++) {
        bytes_append_text(&text, open);
    }
    bytes_append_text(&text, inner);
    for (unsigned i = 1; i < depth; i++) {
        bytes_append_text(&text, close);
    }
    bytes_append_text(&text, "}");
    const char *problem = problem_of(bytes_view(&text));
    bytes_release(&text);
    return problem;
}

static void depth_is_bounded(void **state)
{
    (void)state;
    assert_null(problem_of_depth("[", "", "]", JSON_DEPTH_MAX));
    assert_null(problem_of_depth("{\"a\":", "1", "}", JSON_DEPTH_MAX));
    assert_string_equal(problem_of_depth("[", "", "]", JSON_DEPTH_MAX + 1),
                        "it is nested deeper than 32");
    assert_non_null(problem_of_depth("{\"a\":", "1", "}", JSON_DEPTH_MAX + 1));
    assert_non_null(problem_of_depth("[", "", "", 60000));
    assert_null(problem_of_depth("[],[],", "1", "", 1)); // what has ended does not count
}

static const char *problem_of_members(unsigned count)
{
    struct bytes text;
    bytes_init(&text, OUT_BYTES_MAX);
    for (unsigned i = 0; i < count; i++) {
        bytes_printf(&text, "%s\"%u\":%u", i == 0 ? "{" : ",", i, i);
    }
    bytes_append_text(&text, "}");
    const char *problem = problem_of(bytes_view(&text));
    bytes_release(&text);
    return problem;
}

static void members_are_bounded(void **state)
{
    (void)state;
    assert_null(problem_of_members(JSON_MEMBERS_MAX));
    assert_non_null(strstr(problem_of_members(JSON_MEMBERS_MAX + 1), "too many members"));
}

static void members_stand_as_they_were_written(void **state)
{
    (void)state;
    struct json_document document;
    struct bytes_view text = VIEW(" { \"n\" : 12345678901234567890.10 ,\"s\\u0041\":\"a\\\"b\","
                                  "\"o\":{\"x\": [1, 2]} , \"z\":null}");
    static const struct {
        const char *key, *name, *value;
    } MEMBERS[] = {
        {"n", "n", "12345678901234567890.10"},
        {"s\\u0041", "sA", "\"a\\\"b\""},
        {"o", "o", "{\"x\": [1, 2]}"},
        {"z", "z", "null"},
    };
    assert_null(json_parse(&document, text));
    assert_int_equal(document.member_count, sizeof MEMBERS / sizeof MEMBERS[0]);
    const cJSON *child = document.tree->child;
    for (size_t i = 0; i < document.member_count; i++, child = child->next) {
        assert_true(view_equal_text(document.members[i].key, MEMBERS[i].key));
        assert_true(view_equal_text(document.members[i].value, MEMBERS[i].value));
        assert_string_equal(child->string, MEMBERS[i].name);
    }
    assert_null(child);
    assert_string_equal(json_text(document.tree, "sA"), "a\"b");
    assert_null(json_text(document.tree, "SA"));
    assert_null(json_text(document.tree, "n"));
    json_release(&document);
    json_release(&document);
}

// Every text one byte away from a good one, and every beginning of it: refused, or a tree that has
// as many children as members, and never a byte read beyond the end.
static void texts_beside_a_good_one_are_safe(void **state)
{
    (void)state;
    char text[] = "{\"To\":\"+1\\u00e4\\ud83d\\ude00\",\"a\":[-1.5e3,true],\"\xc3\xa4\":null}";
    size_t len = sizeof text - 1;
    assert_null(problem_of((struct bytes_view){text, len}));
    for (size_t i = 0; i < len; i++) {
        char kept = text[i];
        assert_non_null(problem_of((struct bytes_view){text, i}));
        for (int byte = 0; byte < 256; byte++) {
            struct json_document document;
            text[i] = (char)byte;
            problem_of((struct bytes_view){text, len});
            if (!json_parse(&document, (struct bytes_view){text, len})) {
                assert_int_equal(cJSON_GetArraySize(document.tree), document.member_count);
            }
            json_release(&document);
        }
        text[i] = kept;
    }
}

static void trees_are_printed_compactly_within_the_maximum(void **state)
{
    (void)state;
    struct json_document document;
    struct bytes out;
    assert_null(json_parse(&document, VIEW("{ \"a\" : [ 1 , \"x\" ] }")));
    bytes_init(&out, 13);
    assert_true(json_print(document.tree, &out));
    assert_string_equal(bytes_text(&out), "{\"a\":[1,\"x\"]}");
    assert_false(json_print(document.tree, &out));
    assert_string_equal(bytes_text(&out), "{\"a\":[1,\"x\"]}");
    bytes_release(&out);
    json_release(&document);
}

static void texts_are_appended_as_strings(void **state)
{
    (void)state;
    static const struct {
        struct bytes_view text;
        const char *json;
    } CASES[] = {
        {TEXT("plain"), "\"plain\""},
        {TEXT(""), "\"\""},
        {{NULL, 0}, "\"\""},
        {TEXT("a\"b\\c/"), "\"a\\\"b\\\\c/\""},
        {TEXT("\n\t\0\x1f\x7f"), "\"\\u000a\\u0009\\u0000\\u001f\x7f\""},
        {TEXT("\xc3\xa4\""), "\"\xc3\xa4\\\"\""},
        {TEXT("\"},{\""), "\"\\\"},{\\\"\""},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        size_t len = strlen(CASES[i].json);
        for (size_t max = 2; max <= len + 2; max++) {
            struct bytes out;
            bytes_init(&out, max);
            bytes_append_text(&out, "x:");
            bool fits = json_append_text(&out, CASES[i].text);
            assert_true(fits == (max >= len + 2));
            assert_string_equal(bytes_text(&out) + 2, fits ? CASES[i].json : "");
            bytes_release(&out);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_grammar_is_kept),
        cmocka_unit_test(numbers_are_as_the_rfc_writes_them),
        cmocka_unit_test(strings_are_utf8_with_known_escapes),
        cmocka_unit_test(outermost_keys_are_not_repeated),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(members_are_bounded),
        cmocka_unit_test(members_stand_as_they_were_written),
        cmocka_unit_test(texts_beside_a_good_one_are_safe),
        cmocka_unit_test(trees_are_printed_compactly_within_the_maximum),
        cmocka_unit_test(texts_are_appended_as_strings),
    };
    json_init();
    return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
