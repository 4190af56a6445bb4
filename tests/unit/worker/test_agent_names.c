// Which slot an agent has, and which agents share the last.
#include "agent_names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static void an_agent_keeps_its_slot(void **state)
{
    (void)state;
    struct agent_names names = {.count = 0};
    assert_int_equal(agent_names_slot(&names, "sales"), 0);
    assert_int_equal(agent_names_slot(&names, "support"), 1);
    assert_int_equal(agent_names_slot(&names, "sales"), 0);
    assert_int_equal(names.count, 2);
    assert_string_equal(names.list[1], "support");
}

static void those_beyond_the_last_slot_share_it(void **state)
{
    (void)state;
    struct agent_names names = {.count = 0};
    char name[32];
    for (size_t i = 0; i < 2 * AGENT_NAMES_SLOTS; i++) {
        snprintf(name, sizeof name, "agent-%zu", i);
        assert_int_equal(agent_names_slot(&names, name), i < AGENT_NAMES_MAX ? i : AGENT_NAMES_MAX);
    }
    assert_int_equal(names.count, AGENT_NAMES_SLOTS);
    assert_string_equal(names.list[AGENT_NAMES_MAX - 1], "agent-31");
    assert_string_equal(names.list[AGENT_NAMES_MAX], "other");
}

static void a_name_that_is_too_long_is_cut(void **state)
{
    (void)state;
    struct agent_names names = {.count = 0};
    char name[ROUTE_AGENT_BYTES_MAX + 10];
    memset(name, 'a', sizeof name);
    name[sizeof name - 1] = '\0';
    assert_int_equal(agent_names_slot(&names, name), 0);
    assert_int_equal(strlen(names.list[0]), ROUTE_AGENT_BYTES_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_agent_keeps_its_slot),
        cmocka_unit_test(those_beyond_the_last_slot_share_it),
        cmocka_unit_test(a_name_that_is_too_long_is_cut),
    };
    return cmocka_run_group_tests_name("agent names", tests, NULL, NULL);
}
