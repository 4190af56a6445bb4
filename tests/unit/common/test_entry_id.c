// Ids of entries: read, ordered, and their neighbours.
#include "entry_id.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void ids_are_read_and_printed(void **state)
{
    (void)state;
    static const char *const IDS[] = {"0-0", "1795408783123-7", "18446744073709551615-1",
                                      "1-18446744073709551615"};
    char text[ENTRY_ID_BYTES];
    for (size_t i = 0; i < sizeof IDS / sizeof IDS[0]; i++) {
        entry_id_print(entry_id_of(IDS[i]), text);
        assert_string_equal(text, IDS[i]);
    }
    assert_int_equal(entry_id_of("").ms, 0);
    assert_int_equal(entry_id_of("12").ms, 12);
    assert_int_equal(entry_id_of("12").sequence, 0);
}

static void what_is_no_id_is_known(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is_valid;
    } CASES[] = {{"1795408783123-7", true},
                 {"0-0", true},
                 {"18446744073709551615-18446744073709551615", true},
                 {"", false},
                 {"-", false},
                 {"1795408783123", false},
                 {"1795408783123-", false},
                 {"-7", false},
                 {"1-2-3", false},
                 {"1-2 ", false},
                 {" 1-2", false},
                 {"+1-2", false},
                 {"a-2", false},
                 {"QUEUED", false},
                 {"11111111111111111111111111111111-2222222222222222222222", false}};
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        assert_int_equal(entry_id_is_valid(CASES[i].text), CASES[i].is_valid);
    }
}

static void they_are_ordered_as_numbers(void **state)
{
    (void)state;
    static const char *const RISING[] = {"0-0", "0-1", "9-10", "10-2", "10-10", "11-0"};
    for (size_t i = 0; i + 1 < sizeof RISING / sizeof RISING[0]; i++) {
        struct entry_id a = entry_id_of(RISING[i]), b = entry_id_of(RISING[i + 1]);
        assert_true(entry_id_compare(a, b) < 0);
        assert_true(entry_id_compare(b, a) > 0);
        assert_true(entry_id_compare(a, a) == 0);
    }
}

static void neighbours(void **state)
{
    (void)state;
    const struct entry_id last = {UINT64_MAX, UINT64_MAX}, first = {0, 0};
    const struct entry_id early = {5, 0}, late = {5, UINT64_MAX};
    assert_int_equal(entry_id_compare(entry_id_after(last), last), 0);
    assert_int_equal(entry_id_compare(entry_id_before(first), first), 0);
    assert_int_equal(entry_id_compare(entry_id_before(early), (struct entry_id){4, UINT64_MAX}), 0);
    assert_int_equal(entry_id_compare(entry_id_after(late), (struct entry_id){6, 0}), 0);
    assert_int_equal(entry_id_compare(entry_id_before(entry_id_after(early)), early), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_read_and_printed),
        cmocka_unit_test(what_is_no_id_is_known),
        cmocka_unit_test(they_are_ordered_as_numbers),
        cmocka_unit_test(neighbours),
    };
    return cmocka_run_group_tests_name("entry_id", tests, NULL, NULL);
}
