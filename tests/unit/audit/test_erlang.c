// How many sessions are needed: the formulas against a simulation.
#include "erlang.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#define CALLS 200000
#define SESSIONS_MAX 64

static double chance(uint64_t *state)
{
    *state = *state * 6364136223846793005U + 1442695040888963407U;
    return ((double)(*state >> 11) + 1) / 9007199254740993.0;
}

// Calls in their order; each takes the session that is free first, or leaves when its hold ends.
static struct erlang_service simulate(const struct erlang_load *load, unsigned sessions)
{
    double free_s[SESSIONS_MAX] = {0}, now_s = 0;
    uint64_t state = 42;
    unsigned lost = 0, answered = 0;
    for (unsigned call = 0; call < CALLS; call++) {
        now_s -= log(chance(&state)) / load->calls_per_s;
        unsigned first = 0;
        for (unsigned i = 1; i < sessions; i++) {
            first = free_s[i] < free_s[first] ? i : first;
        }
        double wait_s = free_s[first] > now_s ? free_s[first] - now_s : 0;
        double lasts_s = -log(chance(&state)) * load->handle_s;
        if (wait_s > load->hold_s) {
            lost++;
        } else {
            answered += wait_s <= load->answered_in_s;
            free_s[first] = now_s + wait_s + lasts_s;
        }
    }
    return (struct erlang_service){.lost = (double)lost / CALLS,
                                   .answered = (double)answered / CALLS};
}

static void the_formulas_are_what_a_simulation_shows(void **state)
{
    (void)state;
    static const struct {
        double erlang, handle_s;
        unsigned sessions;
    } CASES[] = {{54, 60, 50}, {50, 180, 50}, {40, 180, 50}, {8, 60, 10}, {2, 60, 1}};
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        const struct erlang_load load = {CASES[i].erlang / CASES[i].handle_s, CASES[i].handle_s,
                                         110, 20};
        const struct erlang_service found = erlang_service(&load, CASES[i].sessions);
        const struct erlang_service simulated = simulate(&load, CASES[i].sessions);
        if (fabs(found.lost - simulated.lost) > 0.012 ||
            fabs(found.answered - simulated.answered) > 0.03) {
            fail_msg("case %zu: lost %.4f (simulated %.4f), answered %.4f (%.4f)", i, found.lost,
                     simulated.lost, found.answered, simulated.answered);
        }
    }
}

static void known_figures(void **state)
{
    (void)state;
    const struct erlang_load load = {54.0 / 60, 60, 110, 20};
    assert_true(fabs(erlang_service(&load, 50).lost - 0.0741) < 0.0001);
    const struct erlang_load flood = {1000, 60, 110, 20}; // e^(−kτ) is no double
    assert_true(fabs(erlang_service(&flood, 60).lost - 0.999) < 0.0001);
    const struct erlang_load nobody = {0, 60, 110, 20};
    assert_int_equal(erlang_sessions(&nobody, 0.01, 0.8), 1);
}

static void the_fewest_sessions_that_suffice(void **state)
{
    (void)state;
    const struct erlang_load load = {54.0 / 60, 60, 110, 20};
    unsigned sessions = erlang_sessions(&load, 0.01, 0.8);
    const struct erlang_service enough = erlang_service(&load, sessions);
    const struct erlang_service too_few = erlang_service(&load, sessions - 1);
    assert_true(enough.lost <= 0.01 && enough.answered >= 0.8);
    assert_true(too_few.lost > 0.01 || too_few.answered < 0.8);
    assert_in_range(sessions, 54, 64);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_formulas_are_what_a_simulation_shows),
        cmocka_unit_test(known_figures),
        cmocka_unit_test(the_fewest_sessions_that_suffice),
    };
    return cmocka_run_group_tests_name("erlang", tests, NULL, NULL);
}
