// Views compare by what they show; a buffer never grows past its maximum, and a refused append
// leaves it as it was.
#include "bytes.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

static void views_compare(void **state)
{
    (void)state;
    const struct {
        struct bytes_view view;
        const char *text;
        bool equal, equal_ignoring_case;
    } cases[] = {
        {{"abc", 3}, "abc", true, true},     {{"abcd", 3}, "abc", true, true},
        {{"ab", 2}, "abc", false, false},    {{"abcd", 4}, "abc", false, false},
        {{"ABC", 3}, "abc", false, true},    {{"Content", 7}, "cONTENT", false, true},
        {{"ab\0", 3}, "ab", false, false},   {{"a\0c", 3}, "abc", false, false},
        {{NULL, 0}, "", true, true},         {{"", 0}, "", true, true},
        {{NULL, 0}, "a", false, false},      {{"\xc3\x84", 2}, "\xc3\xa4", false, false},
        {{"@[`{", 4}, "`{@[", false, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (view_equal_text(cases[i].view, cases[i].text) != cases[i].equal ||
            view_equal(view_of_text(cases[i].text), cases[i].view) != cases[i].equal ||
            view_equal_ignoring_case(cases[i].view, cases[i].text) !=
                cases[i].equal_ignoring_case) {
            fail_msg("case %zu, '%s'", i, cases[i].text);
        }
    }
}

static void a_view_of_no_text_is_empty(void **state)
{
    (void)state;
    assert_int_equal(view_of_text(NULL).len, 0);
    assert_true(view_equal(view_of_text(NULL), VIEW("")));
    assert_int_equal(VIEW("a\0b").len, 3);
}

static void an_empty_buffer_is_an_empty_text(void **state)
{
    (void)state;
    struct bytes bytes;
    bytes_init(&bytes, 0);
    assert_string_equal(bytes_text(&bytes), "");
    assert_int_equal(bytes_view(&bytes).len, 0);
    assert_true(bytes_append(&bytes, NULL, 0));
    assert_true(bytes_append_text(&bytes, ""));
    assert_true(bytes_printf(&bytes, "%s", ""));
    assert_false(bytes_append(&bytes, "a", 1));
    assert_string_equal(bytes_text(&bytes), "");
    bytes_clear(&bytes);
    bytes_release(&bytes);
    bytes_release(&bytes);
}

static void texts_are_equal_and_no_text_equals_no_text_only(void **state)
{
    (void)state;
    const char text[] = "key", same[] = "key";
    assert_true(texts_equal(text, same));
    assert_true(texts_equal(text, text));
    assert_true(texts_equal(NULL, NULL));
    assert_false(texts_equal(text, "Key"));
    assert_false(texts_equal(NULL, ""));
    assert_false(texts_equal("", NULL));
}

static void a_view_is_copied_as_far_as_it_fits(void **state)
{
    (void)state;
    static const struct {
        struct bytes_view view;
        const char *copy; // into 4 bytes
    } CASES[] = {{{NULL, 0}, ""}, {VIEW("ab"), "ab"}, {VIEW("abc"), "abc"}, {VIEW("abcd"), "abc"}};
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        char out[5] = "....";
        view_copy(CASES[i].view, out, 4);
        assert_string_equal(out, CASES[i].copy);
        assert_int_equal(out[4], '\0');
    }
}

static void what_is_extended_is_written_by_the_caller(void **state)
{
    (void)state;
    struct bytes bytes;
    bytes_init(&bytes, 6);
    assert_true(bytes_append_text(&bytes, "ab"));
    char *added = bytes_extend(&bytes, 4);
    assert_ptr_equal(added, bytes.data + 2);
    memcpy(added, "cdef", 4);
    assert_string_equal(bytes_text(&bytes), "abcdef");
    assert_null(bytes_extend(&bytes, 1));
    assert_string_equal(bytes_text(&bytes), "abcdef");
    bytes_release(&bytes);
}

// Fills buffers of every small maximum byte by byte: all maximum bytes fit, and not one more.
static void a_buffer_holds_exactly_its_maximum(void **state)
{
    (void)state;
    for (size_t max = 1; max < 300; max += 7) {
        struct bytes bytes;
        bytes_init(&bytes, max);
        for (size_t i = 0; i < max; i++) {
            assert_true(bytes_append(&bytes, "x", 1));
            assert_int_equal(strlen(bytes.data), i + 1);
        }
        assert_false(bytes_append(&bytes, "x", 1));
        assert_false(bytes_append_view(&bytes, VIEW("x")));
        assert_false(bytes_append_text(&bytes, "x"));
        assert_false(bytes_printf(&bytes, "%d", 1));
        assert_int_equal(bytes.len, max);
        assert_int_equal(strlen(bytes.data), max);
        assert_true(bytes.capacity <= max);
        bytes_release(&bytes);
    }
}

static void a_refused_append_changes_nothing(void **state)
{
    (void)state;
    struct bytes bytes;
    bytes_init(&bytes, 8);
    assert_true(bytes_append_text(&bytes, "abcd"));
    assert_false(bytes_append_text(&bytes, "efghi"));
    assert_false(bytes_printf(&bytes, "%d%d", 123, 45));
    assert_false(bytes_append(&bytes, "x", SIZE_MAX));
    assert_string_equal(bytes_text(&bytes), "abcd");
    assert_true(bytes_printf(&bytes, "%d%c", 123, '4'));
    assert_string_equal(bytes_text(&bytes), "abcd1234");
    bytes_release(&bytes);
}

static void clearing_keeps_the_memory_and_releasing_the_maximum(void **state)
{
    (void)state;
    struct bytes bytes;
    bytes_init(&bytes, 100);
    assert_true(bytes_append(&bytes, "a\0b", 3));
    assert_int_equal(bytes_view(&bytes).len, 3);
    const char *memory = bytes.data;
    bytes_clear(&bytes);
    assert_string_equal(bytes_text(&bytes), "");
    assert_ptr_equal(bytes.data, memory);
    bytes_release(&bytes);
    assert_null(bytes.data);
    assert_true(bytes_append_text(&bytes, "again"));
    assert_string_equal(bytes_text(&bytes), "again");
    bytes_release(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(views_compare),
        cmocka_unit_test(a_view_of_no_text_is_empty),
        cmocka_unit_test(texts_are_equal_and_no_text_equals_no_text_only),
        cmocka_unit_test(a_view_is_copied_as_far_as_it_fits),
        cmocka_unit_test(what_is_extended_is_written_by_the_caller),
        cmocka_unit_test(an_empty_buffer_is_an_empty_text),
        cmocka_unit_test(a_buffer_holds_exactly_its_maximum),
        cmocka_unit_test(a_refused_append_changes_nothing),
        cmocka_unit_test(clearing_keeps_the_memory_and_releasing_the_maximum),
    };
    return cmocka_run_group_tests_name("bytes", tests, NULL, NULL);
}
