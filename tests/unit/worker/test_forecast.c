// Who of a wait queue will be lost, against a simulation that serves the queue turn by turn.
#include "forecast.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define CALLERS 400

// The agent starts a call each `step_ms`; a caller whose hold has ended is passed over.
static uint64_t simulate(const uint64_t *hold_left_ms, size_t count, uint64_t step_ms)
{
    uint64_t lost = 0;
    size_t next = 0;
    for (uint64_t now_ms = step_ms; next < count; now_ms += step_ms) {
        while (next < count && hold_left_ms[next] < now_ms) {
            next++;
            lost++;
        }
        next++; // is served, if there is one
    }
    return lost;
}

static void the_walk_is_what_a_simulation_shows(void **state)
{
    (void)state;
    uint64_t hold_left_ms[CALLERS], chance = 1;
    for (unsigned starts = 1; starts <= 300; starts += 13) {
        struct forecast forecast;
        forecast_begin(&forecast, starts, FORECAST_SPAN_MS);
        uint64_t in_ms = 0;
        for (size_t i = 0; i < CALLERS; i++) {
            chance = chance * 6364136223846793005U + 1442695040888963407U;
            hold_left_ms[i] = (chance >> 33) % 110000;
            forecast_next(&forecast, hold_left_ms[i], &in_ms);
        }
        if (FORECAST_SPAN_MS % starts == 0) {
            assert_int_equal(forecast.lost,
                             simulate(hold_left_ms, CALLERS, FORECAST_SPAN_MS / starts));
        }
        assert_int_equal(forecast.lost + forecast.served, CALLERS);
    }
}

// Twenty callers, 1.6 s apart, at 0.6 starts a second: by the place divided by the rate 13 would be
// lost, but one who leaves lets all others be in time.
static void those_who_leave_let_others_move_up(void **state)
{
    (void)state;
    struct forecast forecast;
    uint64_t in_ms = 0, by_place = 0;
    forecast_begin(&forecast, 18, FORECAST_SPAN_MS);
    for (uint64_t place = 1; place <= 20; place++) {
        uint64_t hold_left_ms = 500 + place * 1600;
        forecast_next(&forecast, hold_left_ms, &in_ms);
        by_place += place * 10000 / 6 > hold_left_ms;
    }
    assert_int_equal(by_place, 13);
    assert_int_equal(forecast.lost, 1);
    assert_int_equal(in_ms, 19 * 10000 / 6);
}

static void without_a_start_nothing_is_known(void **state)
{
    (void)state;
    struct forecast forecast;
    uint64_t in_ms = 7;
    forecast_begin(&forecast, 0, FORECAST_SPAN_MS);
    assert_int_equal(forecast_next(&forecast, 0, &in_ms), FORECAST_UNKNOWN);
    assert_int_equal(in_ms, 7);
    assert_int_equal(forecast.lost, 0);
    assert_int_equal(forecast_rest(&forecast, 1000, 0), 0);
}

static void the_rest_is_lost_beyond_what_the_longest_hold_allows(void **state)
{
    (void)state;
    struct forecast forecast;
    uint64_t in_ms = 0;
    forecast_begin(&forecast, 60, FORECAST_SPAN_MS); // two a second
    for (unsigned i = 0; i < FORECAST_WALK_MAX; i++) {
        assert_int_equal(forecast_next(&forecast, 100000, &in_ms), FORECAST_SERVED);
    }
    // 110 s at two a second are 220 turns, of which 64 are gone.
    assert_int_equal(forecast_rest(&forecast, 156, 110000), 0);
    assert_int_equal(forecast_rest(&forecast, 157, 110000), 1);
    assert_int_equal(forecast_rest(&forecast, 100000, 110000), 100000 - 156);
    assert_int_equal(forecast_rest(&forecast, 137, 0), 1); // the longest walked through: 100 s
}

static void a_deep_walk_goes_on_where_the_other_ended(void **state)
{
    (void)state;
    static const struct forecast_caller FOUND[] = {
        {10, 99000}, {11, 99000}, // the walk of this second has seen these
        {12, 99000},              // the second turn, after 20 s
        {13, 40000},              // the third would be after 30 s: lost
        {14, 50000},              // the third
        {15, 10000},              // has left meanwhile
        {16, 51000},              // the fourth
        {17, 60000},              // none is left
    };
    struct forecast forecast;
    uint64_t in_ms = 0;
    forecast_begin(&forecast, 3, FORECAST_SPAN_MS);
    assert_int_equal(forecast_next(&forecast, 89000, &in_ms), FORECAST_SERVED);
    assert_int_equal(forecast_deep(&forecast, FOUND, 8, 11, 11000, 4), 4);
    assert_int_equal(forecast.served, 4);
    assert_int_equal(forecast.lost, 1);
    assert_int_equal(forecast.least_left_ms, 29000);
    assert_int_equal(forecast_deep(&forecast, FOUND, 8, 17, 11000, 9), 0);
    assert_int_equal(forecast_deep(&forecast, FOUND, 8, 0, 11000, 0), 0);
    assert_int_equal(forecast_deep(&forecast, FOUND, 0, 0, 11000, 9), 0);
    assert_int_equal(forecast_deep(&forecast, FOUND, 8, 0, 99000, 9), 0); // all have left
}

static void no_number_is_too_large(void **state)
{
    (void)state;
    struct forecast forecast;
    uint64_t in_ms = 0;
    forecast_begin(&forecast, UINT64_MAX, UINT64_MAX);
    assert_int_equal(forecast_next(&forecast, UINT64_MAX, &in_ms), FORECAST_SERVED);
    assert_true(forecast_rest(&forecast, UINT64_MAX, UINT64_MAX) > 0);
    forecast_begin(&forecast, 1, 0);
    assert_int_equal(forecast_next(&forecast, 0, &in_ms), FORECAST_LOST);
}

// A queue of callers with as much of their hold left, and which of them move on.
static void who_would_be_lost_moves_on(void **state)
{
    (void)state;
    static const struct {
        uint64_t starts, span_ms;
        uint64_t hold_ms;     // of each caller
        uint64_t left_ms[5];  // 0: the end
        const char *moves_on; // a letter for each caller
    } CASES[] = {
        {3, 30000, 110000, {9999, 10000, 0}, "yn"},               // a turn each 10 s
        {3, 30000, 110000, {10000, 19999, 20000, 30000}, "nynn"}, // who leaves lets others move up
        {1, 25000, 110000, {110000, 110000, 110000, 110000, 110000}, "nnnny"},
        {60, 30000, 110000, {500, 1000, 1499, 1500}, "nnyn"},
        // Without a rate: no more left than 30 s, and than half of the hold.
        {0, 30000, 110000, {110000, 30000, 29999, 1}, "nnyy"},
        {0, 30000, 20000, {20000, 10000, 9999}, "nny"},
        {0, 1, 60000, {29999, 30000}, "yn"},
        {0, 30000, 0, {1, 1}, "nn"}, // a hold that is not known
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct forecast forecast;
        forecast_begin(&forecast, CASES[i].starts, CASES[i].span_ms);
        for (size_t n = 0; n < 5 && CASES[i].left_ms[n]; n++) {
            bool moves_on = forecast_moves_on(&forecast, CASES[i].left_ms[n], CASES[i].hold_ms);
            if (moves_on != (CASES[i].moves_on[n] == 'y')) {
                fail_msg("case %zu, caller %zu: %d", i, n, moves_on);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_walk_is_what_a_simulation_shows),
        cmocka_unit_test(those_who_leave_let_others_move_up),
        cmocka_unit_test(without_a_start_nothing_is_known),
        cmocka_unit_test(the_rest_is_lost_beyond_what_the_longest_hold_allows),
        cmocka_unit_test(a_deep_walk_goes_on_where_the_other_ended),
        cmocka_unit_test(no_number_is_too_large),
        cmocka_unit_test(who_would_be_lost_moves_on),
    };
    return cmocka_run_group_tests_name("forecast", tests, NULL, NULL);
}
