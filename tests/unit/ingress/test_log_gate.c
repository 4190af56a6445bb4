// One line in ten seconds, with the number of those before it.
#include "log_gate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void one_line_passes_and_counts_the_others(void **state)
{
    (void)state;
    static const struct {
        uint64_t at_ms, since;
    } CASES[] = {
        {5, 1},
        {6, 0},
        {7, 0},
        {5 + LOG_GATE_MS - 1, 0},
        {5 + LOG_GATE_MS, 4},
        {6 + LOG_GATE_MS, 0},
        {5 + 3 * LOG_GATE_MS, 2},
        {5 + 9 * LOG_GATE_MS, 1},
    };
    struct log_gate gate = {0};
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        assert_int_equal(log_gate_pass(&gate, CASES[i].at_ms), CASES[i].since);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_line_passes_and_counts_the_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
