// The table "Decide" of the contract, and Retry-After in each form that servers send.
#include "retry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <limits.h>
#include <stdio.h>
#include <string.h>

#define LEN(array) (sizeof(array) / sizeof(array)[0])
#define WALL_S 784111777 // Sun, 06 Nov 1994 08:49:37 GMT
#define HALF_CHANCE 0x80000000u
#define NO_CHANCE 0u
#define FULL_CHANCE UINT32_MAX

struct decision_case {
    const char *name;
    const char *retry_after;
    unsigned status;
    unsigned failures;
    uint32_t chance;
    enum retry_decision decision;
    uint64_t backoff_ms, retry_after_ms;
};

static const struct decision_case DECISIONS[] = {
    {"ok", NULL, 200, 0, 0, RETRY_STARTED, 0, 0},
    {"any 2xx", "5", 299, 3, 0, RETRY_STARTED, 0, 0},
    {"started after failures", NULL, 201, 4, 0, RETRY_STARTED, 0, 0},

    {"full", NULL, 429, 0, 0, RETRY_FULL, 0, 0},
    {"told 1 s", "1", 429, 0, FULL_CHANCE, RETRY_FULL, 0, 1000},
    {"told 10 s", "10", 429, 0, 0, RETRY_FULL, 0, 10000},
    {"told 11 s", "11", 429, 0, 0, RETRY_FULL, 0, 10000},
    {"told 10^9 s", "1000000000", 429, 0, 0, RETRY_FULL, 0, 10000},
    {"told 0", "0", 429, 0, 0, RETRY_FULL, 0, 0},
    {"told -1", "-1", 429, 0, 0, RETRY_FULL, 0, 0},
    {"told nonsense", "soon", 429, 0, 0, RETRY_FULL, 0, 0},
    {"told a date", "Sun, 06 Nov 1994 08:49:40 GMT", 429, 0, 0, RETRY_FULL, 0, 3000},
    {"told a date gone by", "Sun, 06 Nov 1994 08:49:30 GMT", 429, 0, 0, RETRY_FULL, 0, 0},

    {"no answer", NULL, 0, 0, NO_CHANCE, RETRY_FAILED, 125, 0},
    {"continue", NULL, 100, 0, NO_CHANCE, RETRY_FAILED, 125, 0},
    {"switching protocols", NULL, 101, 0, NO_CHANCE, RETRY_FAILED, 125, 0},
    {"request timeout", NULL, 408, 0, NO_CHANCE, RETRY_FAILED, 125, 0},
    {"too early", NULL, 425, 0, NO_CHANCE, RETRY_FAILED, 125, 0},
    {"server error", NULL, 500, 0, NO_CHANCE, RETRY_FAILED, 125, 0},
    {"unavailable", NULL, 503, 0, NO_CHANCE, RETRY_FAILED, 125, 0},
    {"last 5xx", NULL, 599, 0, NO_CHANCE, RETRY_FAILED, 125, 0},
    {"no status at all", NULL, 1000, 0, NO_CHANCE, RETRY_FAILED, 125, 0},
    {"half of the jitter", NULL, 500, 0, HALF_CHANCE, RETRY_FAILED, 187, 0},
    {"all of the jitter", NULL, 500, 0, FULL_CHANCE, RETRY_FAILED, 249, 0},
    {"second failure", NULL, 500, 1, NO_CHANCE, RETRY_FAILED, 250, 0},
    {"third failure", NULL, 500, 2, NO_CHANCE, RETRY_FAILED, 500, 0},
    {"fourth failure", NULL, 500, 3, NO_CHANCE, RETRY_FAILED, 1000, 0},
    {"failure told 3 s", "3", 503, 0, FULL_CHANCE, RETRY_FAILED, 3000, 3000},
    {"failure told 1 s, earlier than ours", "1", 503, 3, FULL_CHANCE, RETRY_FAILED, 1000, 1000},
    {"failure told too much", "3600", 503, 0, 0, RETRY_FAILED, 10000, 10000},
    {"failure told 0", "0", 503, 1, NO_CHANCE, RETRY_FAILED, 250, 0},
    {"failure told nonsense", "1.5", 503, 1, NO_CHANCE, RETRY_FAILED, 250, 0},

    {"fifth failure", NULL, 500, 4, FULL_CHANCE, RETRY_LINE, 250, 0},
    {"fifth without an answer", NULL, 0, 4, 0, RETRY_LINE, 250, 0},
    {"fifth, told", "7", 503, 4, 0, RETRY_LINE, 7000, 7000},
    {"sixth", NULL, 500, 5, 0, RETRY_LINE, 500, 0},
    {"seventh", NULL, 500, 6, 0, RETRY_LINE, 1000, 0},
    {"eighth", NULL, 500, 7, 0, RETRY_LINE, 2000, 0},
    {"failing for ever", NULL, 500, UINT_MAX, 0, RETRY_LINE, 2000, 0},

    {"multiple choices", NULL, 300, 0, 0, RETRY_CONFIGURATION, 0, 5000},
    {"moved", NULL, 301, 0, 0, RETRY_CONFIGURATION, 0, 5000},
    {"permanent redirect", "1", 308, 0, 0, RETRY_CONFIGURATION, 0, 5000},
    {"last 3xx", NULL, 399, 0, 0, RETRY_CONFIGURATION, 0, 5000},
    {"unauthorized", NULL, 401, 0, 0, RETRY_CONFIGURATION, 0, 5000},
    {"payment required", NULL, 402, 0, 0, RETRY_CONFIGURATION, 0, 5000},
    {"forbidden", NULL, 403, 4, FULL_CHANCE, RETRY_CONFIGURATION, 0, 5000},
    {"not found", NULL, 404, 0, 0, RETRY_CONFIGURATION, 0, 5000},

    {"bad request", NULL, 400, 0, 0, RETRY_REJECTED, 0, 0},
    {"method", NULL, 405, 0, 0, RETRY_REJECTED, 0, 0},
    {"conflict", NULL, 409, 0, 0, RETRY_REJECTED, 0, 0},
    {"too large", "5", 413, 0, 0, RETRY_TOO_LARGE, 0, 0},
    {"unprocessable", NULL, 422, 4, 0, RETRY_REJECTED, 0, 0},
    {"last 4xx", NULL, 499, 0, 0, RETRY_REJECTED, 0, 0},
};

static void each_answer_has_its_decision(void **state)
{
    (void)state;
    for (size_t i = 0; i < LEN(DECISIONS); i++) {
        const struct decision_case *row = &DECISIONS[i];
        const struct retry_situation situation = {
            .status = row->status,
            .retry_after = view_of_text(row->retry_after),
            .wall_s = WALL_S,
            .failures = row->failures,
            .chance = row->chance,
        };
        struct retry_delay delay = {UINT64_MAX, UINT64_MAX};
        enum retry_decision decision = retry_decide(&situation, &delay);
        if (decision != row->decision || delay.backoff_ms != row->backoff_ms ||
            delay.retry_after_ms != row->retry_after_ms) {
            fail_msg("%s: decision %d, own %llu ms, told %llu ms, not %d, %llu and %llu", row->name,
                     decision, (unsigned long long)delay.backoff_ms,
                     (unsigned long long)delay.retry_after_ms, row->decision,
                     (unsigned long long)row->backoff_ms, (unsigned long long)row->retry_after_ms);
        }
    }
}

static void no_answer_by_the_end_of_the_hold_is_not_the_agents_failure(void **state)
{
    (void)state;
    struct retry_situation situation = {.failures = 4, .is_hold_over = true};
    struct retry_delay delay;
    assert_int_equal(retry_decide(&situation, &delay), RETRY_CUT);
    assert_int_equal(delay.retry_after_ms, 0);
    situation.status = 503; // it did answer
    assert_int_equal(retry_decide(&situation, &delay), RETRY_LINE);
    situation.status = 200;
    assert_int_equal(retry_decide(&situation, &delay), RETRY_STARTED);
}

static void a_connection_that_is_own_fault_is_not_the_agents_failure(void **state)
{
    (void)state;
    struct retry_situation situation = {.failures = 4, .is_own_fault = true};
    struct retry_delay delay;
    assert_int_equal(retry_decide(&situation, &delay), RETRY_OWN_FAULT);
    assert_int_equal(delay.backoff_ms, RETRY_BACKOFF_MS_MIN / 2);
    assert_int_equal(delay.retry_after_ms, 0);
    situation.is_hold_over = true;
    assert_int_equal(retry_decide(&situation, &delay), RETRY_CUT);
}

static void a_code_of_pipecat_cloud_says_whether_it_is_about_the_agent(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        unsigned status;
        enum retry_decision decision;
    } ROWS[] = {
        {"{\"error\":\"deployment is not in ready state\",\"code\":\"PCC-1001\"}", 400,
         RETRY_CONFIGURATION},
        {"{\"code\":\"PCC-1002\"}", 400, RETRY_CONFIGURATION},
        {"{\"code\":\"PCC-1004\"}", 422, RETRY_CONFIGURATION},
        {"{\"code\":\"PCC-AGENT-AT-CAPACITY\"}", 400, RETRY_FULL},
        {"{\"code\":\"PCC-AGENT-AT-CAPACITY\"}", 503, RETRY_FULL},
        {"{\"code\":\"PCC-AGENT-AT-CAPACITY\"}", 200, RETRY_STARTED},
        {"{\"code\":\"PCC-1001\"}", 500, RETRY_FAILED},
        {"{\"detail\":\"Transport 'daily' is not allowed. Server is configured for 'webrtc' only "
         "(-t webrtc).\"}",
         400, RETRY_CONFIGURATION},
        {"{\"detail\":\"Transport 'daily' is not allowed.\"}", 422, RETRY_REJECTED},
        {"{\"detail\":\"Transport is missing\"}", 400, RETRY_REJECTED},
        {"{\"detail\":[{\"msg\":\"Transport 'daily' is not allowed\"}]}", 400, RETRY_REJECTED},
        {"{\"code\":\"PCC-1001x\"}", 400, RETRY_REJECTED},
        {"{\"code\":1001}", 400, RETRY_REJECTED},
        {"PCC-1001", 400, RETRY_REJECTED},
    };
    for (size_t i = 0; i < LEN(ROWS); i++) {
        const struct retry_situation situation = {.status = ROWS[i].status,
                                                  .body = view_of_text(ROWS[i].body)};
        struct retry_delay delay;
        assert_int_equal(retry_decide(&situation, &delay), ROWS[i].decision);
    }
}

static void jitter_stays_between_half_and_all_of_the_backoff(void **state)
{
    (void)state;
    for (unsigned failures = 0; failures < RETRY_FAILURES_MAX - 1; failures++) {
        uint64_t backoff_ms = (uint64_t)RETRY_BACKOFF_MS_MIN << failures, before_ms = 0;
        for (uint32_t step = 0; step < 256; step++) {
            const struct retry_situation situation = {
                .status = 503, .failures = failures, .chance = step << 24 | 0xffffff};
            struct retry_delay delay;
            assert_int_equal(retry_decide(&situation, &delay), RETRY_FAILED);
            assert_in_range(delay.backoff_ms, backoff_ms / 2, backoff_ms);
            assert_true(delay.backoff_ms >= before_ms);
            before_ms = delay.backoff_ms;
        }
        assert_true(before_ms > backoff_ms * 9 / 10);
    }
}

struct header_case {
    const char *value;
    uint64_t wall_s;
    bool is_good;
    uint64_t after_ms;
};

static const struct header_case HEADERS[] = {
    {"0", 0, true, 0},
    {"1", 0, true, 1000},
    {"9", 0, true, 9000},
    {"10", 0, true, 10000},
    {"120", 0, true, 10000},
    {"0000000000000000000000007", 0, true, 7000},
    {"99999999999999999999999999999999999999", 0, true, 10000},
    {" 2\t", 0, true, 2000},

    {"", 0, false, 0},
    {" ", 0, false, 0},
    {"-0", 0, false, 0},
    {"-5", 0, false, 0},
    {"+5", 0, false, 0},
    {"1.5", 0, false, 0},
    {"1e3", 0, false, 0},
    {"0x10", 0, false, 0},
    {"5 s", 0, false, 0},
    {"3, 5", 0, false, 0},
    {"\xd9\xa3", 0, false, 0}, // a digit, but not of ASCII

    {"Sun, 06 Nov 1994 08:49:37 GMT", WALL_S, true, 0},
    {"Sun, 06 Nov 1994 08:49:37 GMT", WALL_S - 1, true, 1000},
    {"Sun, 06 Nov 1994 08:49:37 GMT", WALL_S - 9, true, 9000},
    {"Sun, 06 Nov 1994 08:49:37 GMT", WALL_S - 11, true, 10000},
    {"Sun, 06 Nov 1994 08:49:37 GMT", WALL_S + 1, true, 0},
    {"Sun, 06 Nov 1994 08:49:37 GMT", 0, true, 10000},
    {"Thu, 01 Jan 1970 00:00:05 GMT", 0, true, 5000},
    {"Thu, 29 Feb 2024 00:00:00 GMT", 1709164799, true, 1000},
    {"Fri, 01 Mar 2024 00:00:00 GMT", 1709251199, true, 1000},
    {"Tue, 01 Mar 2100 00:00:00 GMT", 4107542399, true, 1000},
    {"Sat, 31 Dec 2016 23:59:60 GMT", 1483228799, true, 1000},
    {"Fri, 31 Dec 9999 23:59:59 GMT", 253402300798, true, 1000},
    {"Tue, 29 Feb 2000 12:00:00 GMT", 951825597, true, 3000},

    {"Sunday, 06-Nov-94 08:49:37 GMT", WALL_S, false, 0},
    {"Sun Nov  6 08:49:37 1994", WALL_S, false, 0},
    {"Sun, 06 Nov 1994 08:49:37 UTC", WALL_S, false, 0},
    {"Sun, 06 Nov 1994 08:49:37 GMT!", WALL_S, false, 0},
    {"Sun, 06 Nov 1994 08:49:37", WALL_S, false, 0},
    {"Sun, 6 Nov 1994 08:49:37 GMT", WALL_S, false, 0},
    {"Sun, 06 nov 1994 08:49:37 GMT", WALL_S, false, 0},
    {"Son, 06 Nov 1994 08:49:37 GMT", WALL_S, false, 0},
    {"Sun, 06 Nov 1994 24:00:00 GMT", WALL_S, false, 0},
    {"Sun, 06 Nov 1994 08:60:37 GMT", WALL_S, false, 0},
    {"Sun, 06 Nov 1994 08:49:61 GMT", WALL_S, false, 0},
    {"Sun, 00 Nov 1994 08:49:37 GMT", WALL_S, false, 0},
    {"Thu, 31 Nov 2094 08:49:37 GMT", WALL_S, false, 0},
    {"Wed, 29 Feb 2023 00:00:00 GMT", 0, false, 0},
    {"Mon, 29 Feb 2100 00:00:00 GMT", 0, false, 0},
    {"Wed, 31 Dec 1969 23:59:59 GMT", 0, false, 0},
    {"Sun, 06 Nov -994 08:49:37 GMT", WALL_S, false, 0},
    {"Sun, 06 Nov 1994 08:49:", WALL_S, false, 0},
    {"Sun", WALL_S, false, 0},
    {"Sun, 06 Nov 19", WALL_S, false, 0},
};

static void retry_after_is_read_in_each_form(void **state)
{
    (void)state;
    for (size_t i = 0; i < LEN(HEADERS); i++) {
        const struct header_case *row = &HEADERS[i];
        uint64_t after_ms = 0;
        bool is_good = retry_after_parse(view_of_text(row->value), row->wall_s, &after_ms);
        if (is_good != row->is_good || after_ms != row->after_ms) {
            fail_msg("\"%s\": %s, %llu ms", row->value, is_good ? "good" : "refused",
                     (unsigned long long)after_ms);
        }
    }
}

static void retry_after_needs_no_terminator(void **state)
{
    (void)state;
    uint64_t after_ms = 0;
    assert_true(retry_after_parse((struct bytes_view){"27", 1}, 0, &after_ms));
    assert_int_equal(after_ms, 2000);
    assert_false(retry_after_parse((struct bytes_view){NULL, 0}, 0, &after_ms));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_answer_has_its_decision),
        cmocka_unit_test(no_answer_by_the_end_of_the_hold_is_not_the_agents_failure),
        cmocka_unit_test(a_connection_that_is_own_fault_is_not_the_agents_failure),
        cmocka_unit_test(a_code_of_pipecat_cloud_says_whether_it_is_about_the_agent),
        cmocka_unit_test(jitter_stays_between_half_and_all_of_the_backoff),
        cmocka_unit_test(retry_after_is_read_in_each_form),
        cmocka_unit_test(retry_after_needs_no_terminator),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
