// How many of Daily's events may be in Redis at a time.
#include "daily_pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define BEGUN_MS 5000
#define ANSWERS 100 // more than the average remembers

static void fewer_while_calls_come(void **state)
{
    (void)state;
    static const struct {
        bool has_call;
        uint64_t at_ms;
        size_t room;
    } CASES[] = {
        {false, BEGUN_MS, 64},       {true, BEGUN_MS + 1, 16},    {false, BEGUN_MS + 100, 16},
        {false, BEGUN_MS + 101, 64}, {true, BEGUN_MS + 200, 16},  {true, BEGUN_MS + 299, 16},
        {false, BEGUN_MS + 398, 16}, {false, BEGUN_MS + 399, 64},
    };
    struct daily_pace pace = {0};
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        assert_int_equal(daily_pace_room(&pace, 100, CASES[i].has_call, CASES[i].at_ms),
                         CASES[i].room);
    }
}

static void note(struct daily_pace *pace, uint64_t answer_us)
{
    for (int i = 0; i < ANSWERS; i++) {
        daily_pace_note(pace, answer_us);
    }
}

static void fewest_while_redis_is_slow(void **state)
{
    (void)state;
    struct daily_pace pace = {0};
    note(&pace, DAILY_PACE_SLOW_US - 100);
    assert_int_equal(daily_pace_room(&pace, 100, true, BEGUN_MS), 16);
    note(&pace, 2 * DAILY_PACE_SLOW_US);
    assert_int_equal(daily_pace_room(&pace, 100, true, BEGUN_MS), 8);
    assert_int_equal(daily_pace_room(&pace, 100, false, BEGUN_MS + DAILY_PACE_CALLS_MS), 64);
    note(&pace, DAILY_PACE_SLOW_US / 2);
    assert_int_equal(daily_pace_room(&pace, 100, true, BEGUN_MS), 16);
}

static void one_slow_answer_is_not_a_slow_redis(void **state)
{
    (void)state;
    struct daily_pace pace = {0};
    note(&pace, DAILY_PACE_SLOW_US / 2);
    daily_pace_note(&pace, 3 * DAILY_PACE_SLOW_US);
    assert_int_equal(daily_pace_room(&pace, 100, true, BEGUN_MS), 16);
}

static void a_crowd_is_not_held_back(void **state)
{
    (void)state;
    struct daily_pace pace = {0};
    note(&pace, 5 * DAILY_PACE_SLOW_US); // a Redis that is far away
    assert_int_equal(daily_pace_room(&pace, DAILY_PACE_CROWD - 1, true, BEGUN_MS), 8);
    assert_int_equal(daily_pace_room(&pace, DAILY_PACE_CROWD, true, BEGUN_MS), 64);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fewer_while_calls_come),
        cmocka_unit_test(fewest_while_redis_is_slow),
        cmocka_unit_test(one_slow_answer_is_not_a_slow_redis),
        cmocka_unit_test(a_crowd_is_not_held_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
