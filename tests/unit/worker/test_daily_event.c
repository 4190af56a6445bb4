// What is read of Daily's events, and when they happened by our clock.
#include "daily_event.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "json.h"

#define RECEIVED_MS 1795408783000
#define EVENT(type, rest) "{\"type\":\"" type "\",\"id\":\"e-1\"," rest "}"
#define PAYLOAD(at) "\"payload\":{\"room\":\"r-1\",\"timestamp\":" at ",\"error_msg\":\"codec\"}"

static void types_and_texts(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        const char *name, *about; // NULL: tells nothing of a call
        bool is_event;
    } CASES[] = {
        {EVENT("dialin.connected", PAYLOAD("1")), "connected", "dialin", true},
        {EVENT("dialin.stopped", PAYLOAD("\"1\"")), "ended", "dialin", true},
        {EVENT("dialin.error", PAYLOAD("null")), "failed", "dialin", true},
        {EVENT("dialout.answered", PAYLOAD("1")), "connected", "dialout", true},
        {EVENT("dialout.stopped", PAYLOAD("1")), "ended", "dialout", true},
        {EVENT("dialout.error", PAYLOAD("1")), "failed", "dialout", true},
        {EVENT("dialin.ready", PAYLOAD("1")), NULL, NULL, true},
        {EVENT("dialout.connected", PAYLOAD("1")), NULL, NULL, true}, // it rings there
        {EVENT("recording.started", "\"payload\":7"), NULL, NULL, true},
        {EVENT("dialin.connected", "\"payload\":7"), NULL, NULL, false},
        {EVENT("dialin.connected", "\"payload\":{\"room\":\"\"}"), NULL, NULL, false},
        {"{\"type\":\"dialin.connected\",\"payload\":{\"room\":\"r\"}}", NULL, NULL, false},
        {"{\"type\":7}", NULL, NULL, false},
        {"{}", NULL, NULL, false},
        {"[]", NULL, NULL, false},
        {"", NULL, NULL, false},
        {"{\"type\":\"dialin.connected\"", NULL, NULL, false},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct daily_event event;
        const char *reason = NULL;
        bool is_event = daily_event_read(&event, view_of_text(CASES[i].body), VIEW("1000"),
                                         RECEIVED_MS, &reason);
        bool is_good =
            is_event == CASES[i].is_event && !event.name == !CASES[i].name && !reason == is_event;
        if (CASES[i].name && is_good) {
            is_good = !strcmp(event.name, CASES[i].name) && !strcmp(event.about, CASES[i].about) &&
                      !strcmp(event.id, "e-1") && !strcmp(event.room, "r-1") &&
                      !strcmp(event.error, strcmp(event.name, "failed") ? "" : "codec");
        }
        if (!is_good) {
            fail_msg("case %zu: %s", i, reason ? reason : "read");
        }
    }
}

static void the_time_is_ours_and_only_the_way_is_daily_s(void **state)
{
    (void)state;
    static const struct {
        const char *sent, *happened, *event_ts; // by Daily's clock, which may be anywhere
        uint64_t lag_ms;
    } CASES[] = {
        {"1728036612000", "\"1728036610\"", "1728036612.0", 2000},
        {"1728036612000", "1728036610", "1728036612.0", 2000},
        {"1728036611250", "1728036610", "1728036610.899", 351}, // the better one within the second
        {"1728036612", "1728036610", "0", 2000},                // the header in seconds
        {"1728036610000", "1728036612", "0", 0},                // sent before it happened
        {"1728096610000", "1728036610", "0", 0},                // nonsense: longer than an hour
        {"soon", "1728036610", "0", 0},
        {"1728036610000", "\"soon\"", "0", 0},
        {"1728036612000", "null", "1728036610.5", 1500}, // absent, or nonsense: the other one
        {"1728036612000", "1728036610000", "1728036610.5", 1500},
        {"1728036612000", "\"nan\"", "1728036610.5", 1500},
        {"1728036612000", "\"inf\"", "\"1728036610.5\"", 1500},
        {"1728036612000", "-1e300", "1e300", 0},
        {"1728036612000", "[1728036610]", "{}", 0},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        char body[256];
        struct daily_event event;
        const char *reason = NULL;
        snprintf(
            body, sizeof body,
            "{\"type\":\"dialin.stopped\",\"id\":\"e\",\"event_ts\":%s,\"payload\":{\"room\":\"r\","
            "\"timestamp\":%s}}",
            CASES[i].event_ts, CASES[i].happened);
        assert_true(daily_event_read(&event, view_of_text(body), view_of_text(CASES[i].sent),
                                     RECEIVED_MS, &reason));
        if (event.at_ms != RECEIVED_MS - CASES[i].lag_ms) {
            fail_msg("case %zu: %d ms", i, (int)(RECEIVED_MS - event.at_ms));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_and_texts),
        cmocka_unit_test(the_time_is_ours_and_only_the_way_is_daily_s),
    };
    json_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
