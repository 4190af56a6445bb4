// The exposition text, as Prometheus reads it.
#include "metrics.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#define TEXT_BYTES_MAX 65536

static void counters_and_gauges_are_printed_under_one_heading_a_name(void **state)
{
    (void)state;
    struct bytes out;
    struct metrics *metrics = metrics_open();
    bytes_init(&out, TEXT_BYTES_MAX);
    uint64_t *busy = metrics_counter(metrics, "refused_total", "Refused.", "code=\"busy\"");
    uint64_t *stale = metrics_counter(metrics, "refused_total", "Refused.", "code=\"stale\"");
    int64_t *skew = metrics_gauge(metrics, "skew_ms", "Skew.", NULL);
    *busy += 2;
    *stale = UINT64_MAX;
    *skew = -5;
    assert_true(metrics_print(metrics, &out));
    assert_string_equal(bytes_text(&out), "# HELP refused_total Refused.\n"
                                          "# TYPE refused_total counter\n"
                                          "refused_total{code=\"busy\"} 2\n"
                                          "refused_total{code=\"stale\"} 18446744073709551615\n"
                                          "# HELP skew_ms Skew.\n"
                                          "# TYPE skew_ms gauge\n"
                                          "skew_ms -5\n");
    bytes_release(&out);
    metrics_close(metrics);
}

static void an_observation_counts_in_its_bucket_and_all_above(void **state)
{
    (void)state;
    static const struct {
        uint64_t duration_us;
        const char *below, *within; // the last bucket without it, the first one with it
    } CASES[] = {
        {0, NULL, "le=\"0.0005\"} 1\n"},
        {500, NULL, "le=\"0.0005\"} 1\n"},
        {501, "le=\"0.0005\"} 0\n", "le=\"0.001\"} 1\n"},
        {300000, "le=\"0.25\"} 0\n", "le=\"0.5\"} 1\n"},
        {120000000, "le=\"60\"} 0\n", "le=\"120\"} 1\n"},
        {120000001, "le=\"120\"} 0\n", "le=\"+Inf\"} 1\n"},
        {UINT64_MAX, "le=\"120\"} 0\n", "le=\"+Inf\"} 1\n"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct bytes out;
        struct metrics *metrics = metrics_open();
        bytes_init(&out, TEXT_BYTES_MAX);
        metrics_observe(metrics_seconds(metrics, "wait_seconds", "Wait."), CASES[i].duration_us);
        assert_true(metrics_print(metrics, &out));
        const char *text = bytes_text(&out);
        if ((CASES[i].below && !strstr(text, CASES[i].below)) || !strstr(text, CASES[i].within) ||
            !strstr(text, "wait_seconds_count 1\n") ||
            !strstr(text, "# TYPE wait_seconds histogram\n")) {
            fail_msg("%llu us:\n%s", (unsigned long long)CASES[i].duration_us, text);
        }
        bytes_release(&out);
        metrics_close(metrics);
    }
}

// A sum printed in few digits would stand still while it grows.
static void a_large_sum_still_grows(void **state)
{
    (void)state;
    struct bytes out;
    struct metrics *metrics = metrics_open();
    bytes_init(&out, TEXT_BYTES_MAX);
    struct metrics_histogram *wait = metrics_seconds(metrics, "wait_seconds", "Wait.");
    metrics_observe(wait, 98765432000000);
    metrics_observe(wait, 1);
    assert_true(metrics_print(metrics, &out));
    assert_non_null(strstr(bytes_text(&out), "wait_seconds_sum 98765432.000001\n"));
    assert_non_null(strstr(bytes_text(&out), "wait_seconds_count 2\n"));
    bytes_release(&out);
    metrics_close(metrics);
}

static void a_text_that_does_not_fit_is_said(void **state)
{
    (void)state;
    struct bytes out;
    struct metrics *metrics = metrics_open();
    metrics_seconds(metrics, "wait_seconds", "Wait.");
    for (size_t max = 0; max < 200; max += 10) {
        bytes_init(&out, max);
        assert_false(metrics_print(metrics, &out));
        assert_true(out.len <= max);
        bytes_release(&out);
    }
    metrics_close(metrics);
}

static void all_series_keep_their_place(void **state)
{
    (void)state;
    static char labels[METRICS_MAX][16];
    uint64_t *counters[METRICS_MAX];
    struct bytes out;
    struct metrics *metrics = metrics_open();
    bytes_init(&out, TEXT_BYTES_MAX);
    for (unsigned i = 0; i < METRICS_MAX; i++) {
        snprintf(labels[i], sizeof labels[i], "n=\"%u\"", i);
        counters[i] = metrics_counter(metrics, "many_total", "Many.", labels[i]);
        *counters[i] = 1000 + i;
    }
    assert_true(metrics_print(metrics, &out));
    for (unsigned i = 0; i < METRICS_MAX; i++) {
        char line[64];
        snprintf(line, sizeof line, "many_total{n=\"%u\"} %u\n", i, 1000 + i);
        assert_non_null(strstr(bytes_text(&out), line));
    }
    bytes_release(&out);
    metrics_close(metrics);
}

// Series that come later join those of their name, and a label's value cannot end it.
static void labels_are_escaped_and_names_stay_together(void **state)
{
    (void)state;
    struct bytes out;
    char label[METRICS_LABEL_BYTES];
    struct metrics *metrics = metrics_open();
    bytes_init(&out, TEXT_BYTES_MAX);
    metrics_label(label, sizeof label, "agent", "a\"b\\c\nd");
    *metrics_counter(metrics, "calls_total", "Calls.", label) = 1;
    *metrics_gauge_us(metrics, "ping_seconds", "Ping.") = -1500000;
    *metrics_counter(metrics, "calls_total", "Calls.", "agent=\"z\"") = 2;
    assert_true(metrics_print(metrics, &out));
    assert_string_equal(bytes_text(&out), "# HELP calls_total Calls.\n"
                                          "# TYPE calls_total counter\n"
                                          "calls_total{agent=\"a\\\"b\\\\c\\nd\"} 1\n"
                                          "calls_total{agent=\"z\"} 2\n"
                                          "# HELP ping_seconds Ping.\n"
                                          "# TYPE ping_seconds gauge\n"
                                          "ping_seconds -1.500000\n");
    bytes_release(&out);
    metrics_close(metrics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(labels_are_escaped_and_names_stay_together),
        cmocka_unit_test(counters_and_gauges_are_printed_under_one_heading_a_name),
        cmocka_unit_test(an_observation_counts_in_its_bucket_and_all_above),
        cmocka_unit_test(a_large_sum_still_grows),
        cmocka_unit_test(a_text_that_does_not_fit_is_said),
        cmocka_unit_test(all_series_keep_their_place),
    };
    return cmocka_run_group_tests_name("metrics", tests, NULL, NULL);
}
