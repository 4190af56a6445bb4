// Any bytes as one of Daily's events: the first line is the signed timestamp, the rest the body.
// What is read is whole, happened at most DAILY_EVENT_LAG_MS_MAX before it came, and is the same
// each time.
#include "daily_event.h"

#include <assert.h>
#include <ctype.h>
#include <stdint.h>
#include <string.h>

#define RECEIVED_MS 1800000000000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_event(const struct daily_event *event, uint64_t received_ms)
{
    if (!event->name) {
        return;
    }
    assert(!strcmp(event->name, "connected") || !strcmp(event->name, "ended") ||
           !strcmp(event->name, "failed"));
    assert(!strcmp(event->about, "dialin") || !strcmp(event->about, "dialout"));
    assert(event->id[0] && event->room[0]);
    assert(memchr(event->id, '\0', sizeof event->id) &&
           memchr(event->room, '\0', sizeof event->room) &&
           memchr(event->error, '\0', sizeof event->error));
    assert(!event->error[0] || !strcmp(event->name, "failed"));
    assert(event->at_ms <= received_ms && received_ms - event->at_ms <= DAILY_EVENT_LAG_MS_MAX);
}

static void check(struct bytes_view timestamp, struct bytes_view body, uint64_t received_ms)
{
    struct daily_event event, again;
    const char *reason = NULL, *same_reason = NULL;
    bool is_event = daily_event_read(&event, body, timestamp, received_ms, &reason);
    assert(is_event == !reason && (is_event || !event.name));
    for (const char *at = reason ? reason : ""; *at; at++) {
        assert(isprint((unsigned char)*at));
    }
    check_event(&event, received_ms);
    assert(daily_event_read(&again, body, timestamp, received_ms, &same_reason) == is_event);
    assert(!memcmp(&event, &again, sizeof event));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    const char *end = size > 0 ? memchr(text, '\n', size) : NULL;
    size_t line = end ? (size_t)(end - text) : 0;
    const struct bytes_view timestamp = {text, line};
    const struct bytes_view body = {end ? end + 1 : text, end ? size - line - 1 : size};
    check(timestamp, body, RECEIVED_MS);
    check(timestamp, body, 0);
    check(VIEW("1800000000"), body, RECEIVED_MS);
    return 0;
}
