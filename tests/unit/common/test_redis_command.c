// Numbers, and a command's form on the wire.
#include "redis_command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static void numbers_are_decimal(void **state)
{
    (void)state;
    static const struct {
        uint64_t value;
        const char *text;
    } CASES[] = {{0, "0"},
                 {7, "7"},
                 {10, "10"},
                 {1795408783123, "1795408783123"},
                 {UINT64_MAX, "18446744073709551615"}};
    char text[REDIS_NUMBER_BYTES];
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        assert_true(view_equal_text(redis_number(text, CASES[i].value), CASES[i].text));
    }
}

static void commands_are_arguments_with_their_lengths(void **state)
{
    (void)state;
    const struct bytes_view argv[] = {VIEW("SET"), {"a\0\r\n", 4}, {NULL, 0}};
    static const char WIRE[] = "*3\r\n$3\r\nSET\r\n$4\r\na\0\r\n\r\n$0\r\n\r\n";
    struct bytes out;
    bytes_init(&out, sizeof WIRE - 1);
    assert_true(redis_command_append(&out, 3, argv, 0));
    assert_int_equal(out.len, sizeof WIRE - 1);
    assert_memory_equal(out.data, WIRE, sizeof WIRE - 1);
    assert_false(redis_command_append(&out, 3, argv, 0));
    bytes_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_decimal),
        cmocka_unit_test(commands_are_arguments_with_their_lengths),
    };
    return cmocka_run_group_tests_name("redis_words", tests, NULL, NULL);
}
