// Which readings of the queue are worth an alert, since when, and what the message says.
#include "agent_names.h"
#include "alert_tally.h"
#include "alert_watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define NOON_MS UINT64_C(1700049600000) // 2023-11-15 12:00:00 UTC
#define TEXT_BYTES 8192

// --- readings -----------------------------------------------------------------------------------

#define FIELDS_MAX 16
struct fields {
    redisReply list, texts[FIELDS_MAX];
    redisReply *elements[FIELDS_MAX];
};

// Names and values in turn, ended by NULL.
static const redisReply *fields_of(struct fields *fields, const char *const *words)
{
    *fields = (struct fields){.list = {.type = REDIS_REPLY_ARRAY, .element = fields->elements}};
    for (size_t i = 0; words[i]; i++) {
        assert_true(i < FIELDS_MAX);
        union {
            const char *in;
            char *out;
        } text = {.in = words[i]};
        fields->texts[i] =
            (redisReply){.type = REDIS_REPLY_STRING, .str = text.out, .len = strlen(words[i])};
        fields->elements[i] = &fields->texts[i];
        fields->list.elements = i + 1;
    }
    return &fields->list;
}

static void read_counts(struct alert_watch *watch, uint64_t at_ms, const char *name,
                        const char *value)
{
    struct fields fields;
    const char *const words[] = {name, value, NULL};
    const struct snapshot snapshot = {.now_ms = at_ms, .counts = fields_of(&fields, words)};
    alert_watch_take(watch, &snapshot);
}

// One program's status.
static void read_status(struct alert_watch *watch, uint64_t at_ms, const char *id,
                        const char *status)
{
    struct fields row;
    const char *const words[] = {id, status, NULL};
    redisReply *rows[1];
    redisReply list = {.type = REDIS_REPLY_ARRAY, .elements = 1, .element = rows};
    fields_of(&row, words);
    rows[0] = &row.list;
    const struct snapshot snapshot = {.now_ms = at_ms, .programs = &list};
    alert_watch_take(watch, &snapshot);
}

static void read_attempts(struct alert_watch *watch, uint64_t at_ms, const char *id, unsigned count)
{
    char status[256];
    snprintf(status, sizeof status,
             "{\"started_ms\":5,\"at_ms\":%llu,\"attempts\":[{\"agent\":\"sales\",\"failed\":%u,"
             "\"unknown\":0,\"misconfigured\":0}]}",
             (unsigned long long)at_ms, count);
    read_status(watch, at_ms, id, status);
}

static uint64_t due(const struct alert_watch *watch, enum alert_kind kind)
{
    struct alert_facts facts;
    return alert_watch_is_due(watch, kind, &facts) ? facts.count : 0;
}

static const char *text_of(const struct alert_watch *watch, enum alert_kind kind, char *text)
{
    struct alert_facts facts;
    struct bytes out;
    bytes_init(&out, TEXT_BYTES);
    assert_true(alert_watch_is_due(watch, kind, &facts));
    alert_text(kind, &facts, "", &out);
    snprintf(text, TEXT_BYTES, "%s", bytes_text(&out));
    bytes_release(&out);
    return text;
}

// --- tests --------------------------------------------------------------------------------------

static void test_what_was_before_the_first_reading_is_old(void **state)
{
    (void)state;
    struct alert_watch *watch = alert_watch_open();
    read_counts(watch, NOON_MS, "dead:expired", "7");
    assert_int_equal(due(watch, ALERT_CALLERS_LOST), 0);
    read_counts(watch, NOON_MS + 1000, "dead:expired", "9");
    assert_int_equal(due(watch, ALERT_CALLERS_LOST), 2);
    read_attempts(watch, NOON_MS + 2000, "worker:old", 100);
    assert_int_equal(due(watch, ALERT_AGENT_FAILS), 0);
    alert_watch_close(watch);
}

static void test_what_another_worker_has_told_is_not_told_again(void **state)
{
    (void)state;
    struct alert_watch *watch = alert_watch_open();
    read_counts(watch, NOON_MS, "dead:unknown", "1");
    read_counts(watch, NOON_MS + 1000, "dead:unknown", "3");
    alert_watch_told(watch, ALERT_CALLERS_LOST, 5); // it has read more already
    assert_int_equal(due(watch, ALERT_CALLERS_LOST), 0);
    read_counts(watch, NOON_MS + 2000, "dead:unknown", "5");
    assert_int_equal(due(watch, ALERT_CALLERS_LOST), 0);
    read_counts(watch, NOON_MS + 3000, "dead:unknown", "6");
    assert_int_equal(due(watch, ALERT_CALLERS_LOST), 1);
    alert_watch_close(watch);
}

static void test_a_count_that_goes_back_is_no_loss_and_hides_none(void **state)
{
    (void)state;
    struct alert_watch *watch = alert_watch_open();
    read_counts(watch, NOON_MS, "dead:rejected", "10");
    read_counts(watch, NOON_MS + 1000, "dead:rejected", "9"); // a bot answered late
    assert_int_equal(due(watch, ALERT_CALLS_REJECTED), 0);
    read_counts(watch, NOON_MS + 2000, "dead:rejected", "10");
    assert_int_equal(due(watch, ALERT_CALLS_REJECTED), 1);
    read_counts(watch, NOON_MS + 3000, "dead:rejected", "0"); // Redis lost all
    assert_int_equal(due(watch, ALERT_CALLS_REJECTED), 0);
    read_counts(watch, NOON_MS + 4000, "dead:invalid", "1");
    assert_int_equal(due(watch, ALERT_CALLS_REJECTED), 1);
    alert_watch_close(watch);
}

static void test_more_than_four_failures_in_two_minutes_over_all_workers(void **state)
{
    (void)state;
    char text[TEXT_BYTES];
    struct alert_watch *watch = alert_watch_open();
    read_attempts(watch, NOON_MS - ALERT_SOURCES_MS, "worker:a", 0);
    read_attempts(watch, NOON_MS, "worker:b", 0);
    read_attempts(watch, NOON_MS + 5000, "worker:a", 2);
    read_attempts(watch, NOON_MS + 9000, "worker:b", 2);
    assert_int_equal(due(watch, ALERT_AGENT_FAILS), 0);
    read_attempts(watch, NOON_MS + 15000, "worker:b", 3);
    assert_string_equal(text_of(watch, ALERT_AGENT_FAILS, text),
                        "dialin: 5 requests have failed at sales (5) since 12:00:05 UTC. There was "
                        "no connection, a timeout or an error of its own: the worker's log names "
                        "it.");
    read_attempts(watch, NOON_MS + 130000, "worker:a", 2); // the first four are too old now
    assert_int_equal(due(watch, ALERT_AGENT_FAILS), 0);
    alert_watch_close(watch);
}

static void test_a_program_that_started_again_counts_from_0(void **state)
{
    (void)state;
    struct alert_watch *watch = alert_watch_open();
    read_status(watch, NOON_MS, "ingress:a:7860", "{\"started_ms\":1,\"at_ms\":1,\"refused\":9}");
    read_status(watch, NOON_MS + 5000, "ingress:a:7860",
                "{\"started_ms\":1700049604000,\"at_ms\":1700049605000,\"refused\":9}");
    assert_int_equal(due(watch, ALERT_WEBHOOKS_REFUSED), 9);
    alert_watch_told(watch, ALERT_WEBHOOKS_REFUSED, NOON_MS + 5000);
    assert_int_equal(due(watch, ALERT_WEBHOOKS_REFUSED), 0);
    read_status(watch, NOON_MS + 10000, "ingress:b:7860", // that came after us
                "{\"started_ms\":1700049609000,\"at_ms\":1700049610000,\"refused\":1}");
    assert_int_equal(due(watch, ALERT_WEBHOOKS_REFUSED), 1);
    alert_watch_close(watch);
}

static void test_a_status_that_is_none(void **state)
{
    static const char *const STATUS[] = {
        "",
        "{",
        "[]",
        "{\"started_ms\":-1,\"at_ms\":1e300,\"refused\":-5,\"attempts\":7}",
        "{\"started_ms\":\"x\",\"refused\":1e300,\"attempts\":[1,null,{},{\"agent\":5,\"failed\":9}"
        "]}",
        "{\"attempts\":[{\"agent\":\"sales\",\"failed\":\"9\",\"unknown\":-1,\"misconfigured\":[]}]"
        "}",
    };
    (void)state;
    struct alert_watch *watch = alert_watch_open();
    for (unsigned round = 0; round < 2; round++) {
        for (size_t i = 0; i < sizeof STATUS / sizeof STATUS[0]; i++) {
            read_status(watch, NOON_MS + i * ALERT_SOURCES_MS, "worker:odd", STATUS[i]);
        }
    }
    for (enum alert_kind kind = 0; kind < ALERT_KIND_COUNT; kind++) {
        assert_int_equal(due(watch, kind), 0);
    }
    alert_watch_close(watch);
}

static void read_agent(struct alert_watch *watch, uint64_t at_ms, struct snapshot_agent agent)
{
    const struct snapshot snapshot = {.now_ms = at_ms, .agent_count = 1, .agents = {agent}};
    alert_watch_take(watch, &snapshot);
}

static void test_a_forecast_must_hold_for_ten_seconds_of_readings(void **state)
{
    const struct snapshot_agent agent = {
        .name = "bot.example/+14158483432", .waiting = 20, .lost = 9, .oldest_ms = 30000};
    const struct snapshot_agent fine = {.name = "bot.example/x", .oldest_ms = ALERT_OLDEST_MS};
    char text[TEXT_BYTES];
    (void)state;
    struct alert_watch *watch = alert_watch_open();
    read_agent(watch, NOON_MS, agent);
    read_agent(watch, NOON_MS + 9999, agent);
    assert_int_equal(due(watch, ALERT_CALLERS_WILL_BE_LOST), 0);
    read_agent(watch, NOON_MS + 10000, agent);
    assert_string_equal(
        text_of(watch, ALERT_CALLERS_WILL_BE_LOST, text),
        "dialin: Of the 20 callers who wait for bot.example/+1\xe2\x80\xa6"
        "3432 about 9 will be lost at its present rate since 12:00:00 UTC. Raise the agent's pool; "
        "`dialin-audit now` shows who waits.");
    alert_watch_told(watch, ALERT_CALLERS_WILL_BE_LOST, NOON_MS + 10000);
    assert_int_equal(due(watch, ALERT_CALLERS_WILL_BE_LOST), 20); // while it holds
    read_agent(watch, NOON_MS + 40000, agent);                    // Redis was away
    assert_int_equal(due(watch, ALERT_CALLERS_WILL_BE_LOST), 0);
    read_agent(watch, NOON_MS + 41000, fine);
    read_agent(watch, NOON_MS + 52000, fine);
    assert_int_equal(due(watch, ALERT_CALLERS_WILL_BE_LOST), 0);
    alert_watch_close(watch);
}

static void read_service(struct alert_watch *watch, uint64_t from_ms, uint64_t to_ms,
                         uint64_t quick, uint64_t slow, uint64_t lost)
{
    for (uint64_t at_ms = from_ms; at_ms <= to_ms; at_ms += 5000) {
        struct snapshot snapshot = {.now_ms = at_ms};
        snapshot.span.ms = 900000;
        snapshot.span.lost = lost;
        snapshot.span.waited.buckets[0] = quick;
        snapshot.span.waited.buckets[8] = slow; // within 45 s
        snapshot.span.waited.count = quick + slow;
        alert_watch_take(watch, &snapshot);
    }
}

static void test_a_low_service_level_must_hold_for_five_minutes(void **state)
{
    char text[TEXT_BYTES];
    (void)state;
    struct alert_watch *watch = alert_watch_open();
    struct alert_facts facts;
    read_service(watch, NOON_MS, NOON_MS + 400000, 80, 10, 10); // 80 % is enough
    assert_false(alert_watch_is_due(watch, ALERT_SERVICE_LEVEL_LOW, &facts));
    read_service(watch, NOON_MS + 405000, NOON_MS + 700000, 79, 10, 11);
    assert_false(alert_watch_is_due(watch, ALERT_SERVICE_LEVEL_LOW, &facts));
    read_service(watch, NOON_MS + 705000, NOON_MS + 705000, 79, 10, 11);
    assert_string_equal(text_of(watch, ALERT_SERVICE_LEVEL_LOW, text),
                        "dialin: Fewer than 80 % of the callers of the last 15 minutes have been "
                        "served within 20 s, now 79 % of 100, since 12:06:45 UTC. The agent's pool "
                        "is too small, or it starts slowly: `dialin-audit staffing` says how many "
                        "sessions are needed.");
    read_service(watch, NOON_MS + 710000, NOON_MS + 710000, 0, 0, 0); // nobody calls
    assert_false(alert_watch_is_due(watch, ALERT_SERVICE_LEVEL_LOW, &facts));
    alert_watch_close(watch);
}

static void test_a_tally_forgets_and_never_overflows(void **state)
{
    (void)state;
    struct alert_tally tally = {0};
    for (uint64_t i = 0; i < 10 * ALERT_TALLY_SLOTS_MAX; i++) {
        alert_tally_add(&tally, NOON_MS + i * ALERT_TALLY_SLOT_MS, 1);
    }
    assert_int_equal(alert_tally_count(&tally), 10 * ALERT_TALLY_SLOTS_MAX);
    assert_int_equal(alert_tally_since_ms(&tally), NOON_MS);
    uint64_t last_ms = NOON_MS + (10 * ALERT_TALLY_SLOTS_MAX - 1) * ALERT_TALLY_SLOT_MS;
    alert_tally_forget(&tally, last_ms - 1);
    assert_int_equal(alert_tally_count(&tally), 1);
    alert_tally_forget(&tally, last_ms);
    assert_int_equal(alert_tally_since_ms(&tally), 0);
}

static void test_many_agents_are_summed_up(void **state)
{
    char status[16384], text[TEXT_BYTES];
    (void)state;
    struct alert_watch *watch = alert_watch_open();
    read_status(watch, NOON_MS, "worker:a", "{\"started_ms\":1,\"at_ms\":1700049600000}");
    size_t len = (size_t)snprintf(status, sizeof status,
                                  "{\"started_ms\":1,\"at_ms\":1700049600000,\"attempts\":[");
    for (unsigned i = 0; i < 2 * AGENT_NAMES_SLOTS; i++) {
        len += (size_t)snprintf(status + len, sizeof status - len,
                                "%s{\"agent\":\"a%u\",\"misconfigured\":1}", i ? "," : "", i);
    }
    snprintf(status + len, sizeof status - len, "]}");
    read_status(watch, NOON_MS + 5000, "worker:a", status);
    assert_non_null(strstr(text_of(watch, ALERT_AGENT_REJECTS_US, text),
                           "66 requests have been rejected as not allowed by a0 (1), a1 (1), a2 "
                           "(1), a3 (1), a4 (1) and 28 more since 12:00:00 UTC. Check START_URL"));
    alert_watch_close(watch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_before_the_first_reading_is_old),
        cmocka_unit_test(test_what_another_worker_has_told_is_not_told_again),
        cmocka_unit_test(test_a_count_that_goes_back_is_no_loss_and_hides_none),
        cmocka_unit_test(test_more_than_four_failures_in_two_minutes_over_all_workers),
        cmocka_unit_test(test_a_program_that_started_again_counts_from_0),
        cmocka_unit_test(test_a_status_that_is_none),
        cmocka_unit_test(test_a_forecast_must_hold_for_ten_seconds_of_readings),
        cmocka_unit_test(test_a_low_service_level_must_hold_for_five_minutes),
        cmocka_unit_test(test_a_tally_forgets_and_never_overflows),
        cmocka_unit_test(test_many_agents_are_summed_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
