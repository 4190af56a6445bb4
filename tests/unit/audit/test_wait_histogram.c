// Percentiles in bounded memory, against exact ones.
#include "wait_histogram.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static void nobody_has_waited(void **state)
{
    (void)state;
    struct wait_histogram waits = {0};
    assert_int_equal(wait_histogram_percentile(&waits, 50), 0);
    assert_int_equal(waits.max_ms, 0);
}

static void short_times_are_exact(void **state)
{
    (void)state;
    struct wait_histogram waits = {0};
    for (uint64_t ms = 1; ms <= 100; ms++) {
        wait_histogram_add(&waits, ms);
    }
    assert_int_equal(wait_histogram_percentile(&waits, 50), 50);
    assert_int_equal(wait_histogram_percentile(&waits, 95), 95);
    assert_int_equal(wait_histogram_percentile(&waits, 99), 99);
    assert_int_equal(wait_histogram_percentile(&waits, 100), 100);
}

static void long_times_are_within_a_64th(void **state)
{
    (void)state;
    static const uint64_t TIMES_MS[] = {127,  128,    129,     255,      256,        1000,
                                        9999, 110000, 3600000, 86400000, 4294967295, 99999999999};
    for (size_t i = 0; i < sizeof TIMES_MS / sizeof TIMES_MS[0]; i++) {
        struct wait_histogram waits = {0};
        uint64_t wanted = TIMES_MS[i] < UINT32_MAX ? TIMES_MS[i] : UINT32_MAX;
        wait_histogram_add(&waits, TIMES_MS[i]);
        wait_histogram_add(&waits, UINT32_MAX); // so that the longest does not bound it
        uint64_t found = wait_histogram_percentile(&waits, 50);
        if (found < wanted || found - wanted > wanted / 64) {
            fail_msg("%llu: %llu", (unsigned long long)wanted, (unsigned long long)found);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_has_waited),
        cmocka_unit_test(short_times_are_exact),
        cmocka_unit_test(long_times_are_within_a_64th),
    };
    return cmocka_run_group_tests_name("waits", tests, NULL, NULL);
}
