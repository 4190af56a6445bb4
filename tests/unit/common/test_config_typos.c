// Variables that are nearly a setting, as a table.
#include "config_typos.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void knows_what_one_slip_makes(void **state)
{
    (void)state;
    static const struct {
        const char *name, *setting;
        bool is_typo;
    } CASES[] = {
        {"START_URLS", "START_URL", true},
        {"START_UR", "START_URL", true},
        {"STRAT_URL", "START_URL", true},
        {"START_URI", "START_URL", true},
        {"TART_URL", "START_URL", true},
        {"START_URL", "START_URL", false},
        {"START_URLXX", "START_URL", false},
        {"STRAT_URI", "START_URL", false},
        {"START_API_KEY", "START_URL", false},
        {"SATRT_URL", "START_URL", true},
        {"", "A", true},
        {"", "", false},
        {"REDIS_CERT", "REDIS_KEY", false},
        {"URL_START", "START_URL", false},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        print_message("%s\n", CASES[i].name);
        assert_int_equal(config_is_typo_of(CASES[i].name, CASES[i].setting), CASES[i].is_typo);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(knows_what_one_slip_makes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
