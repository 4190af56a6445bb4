// Times as people write and read them, in a zone with summer time.
#include "time_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <time.h>

// 2026-07-14T12:30:15.250Z; in Berlin two hours more.
#define NOW_MS 1784032215250

static void times_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t ms;
    } CASES[] = {
        {"90s", NOW_MS - 90000},
        {"30m", NOW_MS - 1800000},
        {"2h", NOW_MS - 7200000},
        {"7d", NOW_MS - 604800000},
        {"1784032215250", 1784032215250},
        {"2026-07-14", 1783980000000},
        {"2026-01-14", 1768345200000},
        {"2026-07-14T14:30", 1784032200000},
        {"2026-07-14 14:30", 1784032200000},
        {"2026-07-14T14:30:15.250", NOW_MS},
        {"2026-07-14T12:30:15.250Z", NOW_MS},
        {"2026-07-14T13:30:15.250+01:00", NOW_MS},
        {"2026-07-14T09:00:15.250-0330", NOW_MS},
        {"14:30", 1784032200000},
        {"14:30:15", 1784032215000},
        {"2024-02-29", 1709161200000},
        {"2000-02-29", 951778800000},
        {"2026-03-29T01:59:59", 1774745999000}, // a second before summer time
        {"2026-03-29T03:00", 1774746000000},
        {"2026-10-25T01:59:59", 1792886399000},
        {"2026-10-25T02:30+02:00", 1792888200000}, // twice on that clock
        {"2026-10-25T02:30+01:00", 1792891800000},
        {"2026-07-14T12:30:15.250-00:00", NOW_MS},
        {"100000000000", 100000000000},
        {"12345678901234567", 12345678901234567},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        uint64_t ms = 0;
        bool is_time = time_text_parse(CASES[i].text, NOW_MS, &ms);
        if (!is_time || ms != CASES[i].ms) {
            fail_msg("'%s': %d %llu", CASES[i].text, is_time, (unsigned long long)ms);
        }
    }
}

static void other_texts_are_refused(void **state)
{
    (void)state;
    static const char *const CASES[] = {
        "",
        "2",
        "2x",
        "h",
        "1234567d",
        "1784032215",
        "yesterday",
        "2026-13-01",
        "2026-00-10",
        "2026-07-32",
        "1969-07-20",
        "2026-02-29",
        "1900-02-29",
        "2100-02-29",
        "2026-02-31",
        "2026-04-31",
        "2026-07-14T14:30:15.",
        "2026-07-14T14:30:15.1234",
        "2026-07-14T14",
        "2026-07-14T14:30+0x:00",
        "2026-07-14T14:30+01:60",
        "2026-07-14T14:30++1:00",
        "2026-07-14T14:30Z ",
        "1970-01-01T00:00", // in Berlin: before 1970
        "123456789012345678",
        "+2h",
        "2H",
        " 2h",
        "2026-7-14",
        "2026-07-14T",
        "2026-07-14T24:00",
        "2026-07-14T14:60",
        "2026-07-14T14:30:61",
        "2026-07-14T14:30:15.25",
        "2026-07-14T14:30Zulu",
        "2026-07-14T14:30+1",
        "2026-07-14T14:30+15:00",
        "14:30 ",
        "-2h",
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        uint64_t ms = 0;
        if (time_text_parse(CASES[i], NOW_MS, &ms)) {
            fail_msg("'%s' is taken for %llu", CASES[i], (unsigned long long)ms);
        }
    }
}

static void what_is_too_long_ago_is_the_beginning(void **state)
{
    (void)state;
    uint64_t ms = 1;
    assert_true(time_text_parse("999999d", NOW_MS, &ms));
    assert_true(ms == 0);
}

// Twice a year a printed time is read back all the same.
static void printed_times_are_read_back(void **state)
{
    (void)state;
    static const uint64_t CHANGES[] = {1774746000000, 1792890000000};
    for (size_t i = 0; i < sizeof CHANGES / sizeof CHANGES[0]; i++) {
        for (uint64_t ms = CHANGES[i] - 7200000; ms <= CHANGES[i] + 7200000; ms += 59999) {
            char text[TIME_TEXT_BYTES];
            uint64_t again = 0;
            time_text_print(ms, text);
            assert_true(time_text_parse(text, 1, &again));
            assert_true(again == ms);
        }
    }
}

static void times_are_printed_in_the_zone(void **state)
{
    (void)state;
    char text[TIME_TEXT_BYTES];
    uint64_t ms = 0;
    time_text_print(NOW_MS, text);
    assert_string_equal(text, "2026-07-14T14:30:15.250+02:00");
    assert_true(time_text_parse(text, 1, &ms));
    assert_true(ms == NOW_MS);
    time_text_print_short(NOW_MS, text);
    assert_string_equal(text, "07-14 14:30:15");
    time_text_print_clock(NOW_MS, text);
    assert_string_equal(text, "14:30:15.250");
}

static void spans_fit_a_table(void **state)
{
    (void)state;
    static const struct {
        uint64_t ms;
        const char *text;
    } CASES[] = {
        {0, "0 ms"},        {999, "999 ms"},      {1000, "1.0 s"},
        {59999, "59.9 s"},  {60000, "1:00"},      {110000, "1:50"},
        {3599999, "59:59"}, {3600000, "1:00:00"}, {90061000, "25:01:01"},
    };
    char text[TIME_TEXT_BYTES];
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        time_text_print_span(CASES[i].ms, text);
        assert_string_equal(text, CASES[i].text);
    }
}

int main(void)
{
    setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
    tzset();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_read),
        cmocka_unit_test(other_texts_are_refused),
        cmocka_unit_test(what_is_too_long_ago_is_the_beginning),
        cmocka_unit_test(printed_times_are_read_back),
        cmocka_unit_test(times_are_printed_in_the_zone),
        cmocka_unit_test(spans_fit_a_table),
    };
    return cmocka_run_group_tests_name("moment", tests, NULL, NULL);
}
