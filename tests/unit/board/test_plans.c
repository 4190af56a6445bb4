// A plan is taken once, by its operator, within its minute.
#include "plans.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

static void a_plan_is_taken_once_by_its_operator_in_time(void **state)
{
    (void)state;
    static const struct {
        const char *operator_name;
        uint64_t at_ms;
        bool is_good;
    } CASES[] = {
        {"anna", 1000, true},
        {"anna", 1000 + PLAN_S * 1000 - 1, true},
        {"anna", 1000 + PLAN_S * 1000, false},
        {"ben", 1000, false},
        {"", 1000, false},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct plans plans = {0};
        char id[PLAN_ID_BYTES], call_id[PLAN_TEXT_BYTES] = "";
        size_t prefix = 0;
        snprintf(id, sizeof id, "%s", plans_add(&plans, "c-1", 3, "anna", 1000));
        assert_int_equal(strlen(id), PLAN_ID_BYTES - 1);
        assert_int_equal(
            plans_take(&plans, id, CASES[i].operator_name, CASES[i].at_ms, call_id, &prefix),
            CASES[i].is_good);
        assert_string_equal(call_id, CASES[i].is_good ? "c-1" : "");
        assert_int_equal(prefix, CASES[i].is_good ? 3 : 0);
        assert_false(CASES[i].is_good && plans_take(&plans, id, CASES[i].operator_name,
                                                    CASES[i].at_ms, call_id, &prefix));
    }
}

static void the_oldest_gives_way(void **state)
{
    (void)state;
    struct plans plans = {0};
    char first[PLAN_ID_BYTES], second[PLAN_ID_BYTES], call_id[PLAN_TEXT_BYTES];
    size_t prefix = 0;
    snprintf(first, sizeof first, "%s", plans_add(&plans, "c-1", 3, "anna", 1000));
    snprintf(second, sizeof second, "%s", plans_add(&plans, "c-2", 3, "anna", 1001));
    for (uint64_t i = 2; i <= PLANS_MAX; i++) {
        assert_non_null(plans_add(&plans, "c", 3, "anna", 1000 + i));
    }
    assert_false(plans_take(&plans, first, "anna", 1100, call_id, &prefix));
    assert_true(plans_take(&plans, second, "anna", 1100, call_id, &prefix));
    assert_false(
        plans_take(&plans, "", "anna", 1100, call_id, &prefix)); // a free place is not a plan
}

static void long_texts_are_refused(void **state)
{
    (void)state;
    struct plans plans = {0};
    char text[PLAN_TEXT_BYTES + 1] = "";
    memset(text, 'x', PLAN_TEXT_BYTES);
    assert_null(plans_add(&plans, text, 3, "anna", 1));
    assert_null(plans_add(&plans, "c-1", 3, text, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plan_is_taken_once_by_its_operator_in_time),
        cmocka_unit_test(the_oldest_gives_way),
        cmocka_unit_test(long_texts_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
