// Redis' time by an offset to the monotonic clock, and what a step of Redis' clock makes of stamps.
#include "redis_clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#define REDIS_MS 1700000000000 // when the monotonic clock shows 0, before any step

// TIME, asked and answered at these moments, in between which Redis' clock showed `redis_ms`.
static void answer(struct redis_clock *clock, uint64_t asked_ms, uint64_t now_ms, uint64_t redis_ms)
{
    char text[2][32];
    redisReply part[2], *parts[2];
    redisReply reply = {.type = REDIS_REPLY_ARRAY, .elements = 2, .element = parts};
    snprintf(text[0], sizeof text[0], "%llu", (unsigned long long)redis_ms / 1000);
    snprintf(text[1], sizeof text[1], "%llu", (unsigned long long)redis_ms % 1000 * 1000);
    for (size_t i = 0; i < 2; i++) {
        part[i] = (redisReply){.type = REDIS_REPLY_STRING, .str = text[i], .len = strlen(text[i])};
        parts[i] = &part[i];
    }
    redis_clock_ask(clock, asked_ms);
    redis_clock_take(clock, &reply, now_ms);
}

static struct redis_clock clock_that_stepped(int64_t step_ms)
{
    struct redis_clock clock = {.is_quiet = true};
    answer(&clock, 99000, 99002, REDIS_MS + 99001);
    answer(&clock, 100000, 100002, REDIS_MS + 100001);
    assert_int_equal(clock.step_count, 0);
    answer(&clock, 101000, 101002, (uint64_t)((int64_t)REDIS_MS + 101001 + step_ms));
    return clock;
}

static int64_t shift(const struct redis_clock *clock, int64_t stamp_ms)
{
    return redis_clock_shift_ms(clock, (uint64_t)(REDIS_MS + stamp_ms), 102000);
}

static void a_slow_answer_is_no_step(void **state)
{
    (void)state;
    struct redis_clock clock = {.is_quiet = true};
    answer(&clock, 100000, 100002, REDIS_MS + 100001);
    answer(&clock, 101000, 105000, REDIS_MS + 101001);
    answer(&clock, 106000, 110000, REDIS_MS + 109999);
    assert_int_equal(clock.step_count, 0);
    assert_in_range(clock.offset_ms, REDIS_MS - 1, REDIS_MS + 1);
}

// Redis was stopped while it was asked: it read its clock at the end of that time, not in the
// middle.
static void a_slow_first_answer_is_doubted(void **state)
{
    (void)state;
    struct redis_clock clock = {.is_quiet = true};
    answer(&clock, 100000, 104000, REDIS_MS + 103999);
    assert_true(redis_clock_is_due(&clock, 104001));
    answer(&clock, 104001, 104003, REDIS_MS + 104002);
    assert_int_equal(clock.step_count, 0);
    assert_in_range(clock.offset_ms, REDIS_MS - 2, REDIS_MS + 2);
    assert_false(redis_clock_is_due(&clock, 104004));
    assert_true(redis_clock_is_due(&clock, 104001 + REDIS_CLOCK_EVERY_MS));
    answer(&clock, 106000, 106002, REDIS_MS + 106001 + 1500); // a step is one from now on
    assert_int_equal(clock.step_count, 1);
}

static void a_clock_that_drifts_is_followed(void **state)
{
    (void)state;
    struct redis_clock clock = {.is_quiet = true};
    answer(&clock, 100000, 100002, REDIS_MS + 100001);
    answer(&clock, 101000, 101002, REDIS_MS + 101801);
    assert_int_equal(clock.step_count, 0);
    assert_in_range(clock.offset_ms, REDIS_MS + 799, REDIS_MS + 801);
}

static void stamps_around_a_step_forward(void **state)
{
    (void)state;
    const struct redis_clock clock = clock_that_stepped(600000);
    assert_int_equal(clock.step_count, 1);
    assert_int_equal(shift(&clock, 90000), 600000);  // before it
    assert_int_equal(shift(&clock, 101900), 600000); // after it, by one who does not know of it
    assert_int_equal(shift(&clock, 701500), 0);      // after it
    assert_int_equal(shift(&clock, 900000), 0);      // from nowhere
}

static void stamps_around_a_step_back(void **state)
{
    (void)state;
    const struct redis_clock clock = clock_that_stepped(-60000);
    assert_int_equal(clock.step_count, 1);
    assert_int_equal(shift(&clock, 100000), -60000); // before it
    assert_int_equal(shift(&clock, 30000), -60000);
    assert_int_equal(shift(&clock, 101900), -60000); // after it, by one who does not know of it
    assert_int_equal(shift(&clock, 41500), 0);       // after it
}

static void when_the_time_was_stale(void **state)
{
    (void)state;
    const struct redis_clock clock = clock_that_stepped(-60000);
    assert_false(redis_clock_was_stale(&clock, 99999));
    assert_true(redis_clock_was_stale(&clock, 100500));
    assert_false(redis_clock_was_stale(&clock, 101002));
}

static void only_the_last_steps_are_remembered(void **state)
{
    (void)state;
    struct redis_clock clock = {.is_quiet = true};
    for (uint64_t i = 0; i < 3 * REDIS_CLOCK_STEPS_MAX; i++) {
        answer(&clock, i * 1000, i * 1000, REDIS_MS + i * 61000);
    }
    assert_int_equal(clock.step_count, REDIS_CLOCK_STEPS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slow_answer_is_no_step),
        cmocka_unit_test(a_slow_first_answer_is_doubted),
        cmocka_unit_test(a_clock_that_drifts_is_followed),
        cmocka_unit_test(stamps_around_a_step_forward),
        cmocka_unit_test(stamps_around_a_step_back),
        cmocka_unit_test(when_the_time_was_stale),
        cmocka_unit_test(only_the_last_steps_are_remembered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
