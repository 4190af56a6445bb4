#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "loop.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TURNS 10
#define LONG_TURN_MS 20
#define BURNT_MS 40
#define NS_PER_MS 1000000

struct fixture {
    struct loop *loop;
    struct loop_timer *timer, *other;
    unsigned fired, turns, turns_at_stop;
};

static void fire_again(void *arg)
{
    struct fixture *fixture = arg;
    if (++fixture->fired < TURNS) {
        loop_timer_start(fixture->timer, 0);
    } else {
        fixture->turns_at_stop = fixture->turns;
        loop_stop(fixture->loop);
    }
}

static void count_turn(void *arg)
{
    struct fixture *fixture = arg;
    fixture->turns++;
}

static void a_timer_of_0_ms_that_starts_itself_fires_once_a_turn(void **state)
{
    (void)state;
    struct fixture fixture = {.loop = loop_open()};
    struct loop_hook *hook = loop_before_sleep(fixture.loop, count_turn, &fixture);
    fixture.timer = loop_timer_open(fixture.loop, fire_again, &fixture);
    loop_timer_start(fixture.timer, 0);
    loop_run(fixture.loop);
    assert_int_equal(fixture.fired, TURNS);
    assert_in_range(fixture.turns_at_stop, TURNS - 1, TURNS + 1);
    loop_hook_close(hook);
    loop_timer_close(fixture.timer);
    loop_close(fixture.loop);
}

static void never_fires(void *arg)
{
    (void)arg;
    fail();
}

static void start_and_stop_the_other(void *arg)
{
    struct fixture *fixture = arg;
    loop_timer_start(fixture->other, 0);
    loop_timer_start(fixture->timer, 0);
    loop_timer_stop(fixture->other);
    if (++fixture->fired == 2) {
        loop_timer_start(fixture->other, 0); // closed before its turn
        loop_timer_close(fixture->other);
        loop_stop(fixture->loop);
    }
}

static void a_timer_that_was_stopped_or_closed_before_its_turn_does_not_fire(void **state)
{
    (void)state;
    struct fixture fixture = {.loop = loop_open()};
    fixture.timer = loop_timer_open(fixture.loop, start_and_stop_the_other, &fixture);
    fixture.other = loop_timer_open(fixture.loop, never_fires, &fixture);
    loop_timer_start(fixture.timer, 0);
    loop_run(fixture.loop);
    assert_int_equal(fixture.fired, 2);
    loop_timer_close(fixture.timer);
    loop_close(fixture.loop);
}

static void work_long(void *arg)
{
    struct fixture *fixture = arg;
    const struct timespec pause = {.tv_nsec = LONG_TURN_MS * NS_PER_MS};
    nanosleep(&pause, NULL); // in a callback: the loop works, for all it knows
    fixture->fired++;
    loop_timer_start(fixture->other, LONG_TURN_MS);
}

static void stop(void *arg)
{
    struct fixture *fixture = arg;
    loop_stop(fixture->loop);
}

static double sample(const struct metrics *metrics, const char *name)
{
    struct bytes text;
    bytes_init(&text, 1U << 16U);
    assert_true(metrics_print(metrics, &text));
    const char *line = strstr(bytes_text(&text), name);
    assert_non_null(line);
    double value = strtod(line + strlen(name), NULL);
    bytes_release(&text);
    return value;
}

static double cpu_ms(void)
{
    struct timespec used = {0};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return (double)used.tv_sec * 1e3 + (double)used.tv_nsec / NS_PER_MS;
}

static void burn(void *arg)
{
    struct fixture *fixture = arg;
    const double until_ms = cpu_ms() + BURNT_MS;
    while (cpu_ms() < until_ms) {
    }
    loop_timer_start(fixture->other, 1);
}

static void the_longest_turn_is_what_a_turn_works_without_its_sleep(void **state)
{
    (void)state;
    struct fixture fixture = {.loop = loop_open()};
    struct metrics *metrics = metrics_open();
    loop_count_turns(fixture.loop, metrics);
    fixture.timer = loop_timer_open(fixture.loop, work_long, &fixture);
    fixture.other = loop_timer_open(fixture.loop, stop, &fixture);
    loop_timer_start(fixture.timer, 10 * LONG_TURN_MS); // sleeps longer than it works
    loop_run(fixture.loop);
    double longest_s = sample(metrics, "\ndialin_loop_turn_seconds_max ");
    assert_true(longest_s >= LONG_TURN_MS / 1000.0 && longest_s < 10 * LONG_TURN_MS / 1000.0);
    assert_true(sample(metrics, "\ndialin_loop_turn_cpu_seconds_max ") < BURNT_MS / 1000.0);
    loop_timer_close(fixture.timer);
    fixture.timer = loop_timer_open(fixture.loop, burn, &fixture);
    loop_timer_start(fixture.timer, 0);
    loop_run(fixture.loop);
    assert_true(sample(metrics, "\ndialin_loop_turn_cpu_seconds_max ") >= BURNT_MS / 1000.0);
    loop_timer_close(fixture.timer);
    loop_timer_close(fixture.other);
    loop_close(fixture.loop);
    metrics_close(metrics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_timer_of_0_ms_that_starts_itself_fires_once_a_turn),
        cmocka_unit_test(a_timer_that_was_stopped_or_closed_before_its_turn_does_not_fire),
        cmocka_unit_test(the_longest_turn_is_what_a_turn_works_without_its_sleep),
    };
    return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}
