// When a worker without a lease counts as dead.
#include "lease_watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define PATIENCE_MS 1500

static void look(struct lease_watch *watch, const char *text, uint64_t now_ms)
{
    redisReply name = {.type = REDIS_REPLY_STRING, .str = (char *)(uintptr_t)text, .len = 1};
    redisReply *names[] = {&name};
    redisReply list = {.type = REDIS_REPLY_ARRAY, .elements = text ? 1 : 0, .element = names};
    lease_watch_note(watch, &list, now_ms);
}

static size_t dead(const struct lease_watch *watch, uint64_t now_ms)
{
    struct bytes_view names[LEASE_WATCH_MAX];
    size_t count = lease_watch_dead(watch, now_ms, names);
    if (count > 0) {
        assert_true(view_equal_text(names[0], "a"));
    }
    return count;
}

static void only_after_every_look_of_that_time(void **state)
{
    (void)state;
    struct lease_watch watch;
    lease_watch_init(&watch, PATIENCE_MS);
    uint64_t now_ms = 100000;
    for (uint64_t end_ms = now_ms + PATIENCE_MS; now_ms < end_ms; now_ms += 250) {
        look(&watch, "a", now_ms);
        assert_int_equal(dead(&watch, now_ms), 0);
    }
    assert_int_equal(dead(&watch, now_ms), 1);
    look(&watch, NULL, now_ms); // it has renewed its lease
    look(&watch, "a", now_ms);
    assert_int_equal(dead(&watch, now_ms + PATIENCE_MS - 1), 0);
    lease_watch_clear(&watch);
}

static void a_worker_that_did_not_look_begins_anew(void **state)
{
    (void)state;
    struct lease_watch watch;
    lease_watch_init(&watch, PATIENCE_MS);
    look(&watch, "a", 100000);
    look(&watch, "a", 100000 + PATIENCE_MS + 1);
    assert_int_equal(dead(&watch, 100000 + PATIENCE_MS + 1), 0);
    look(&watch, "a", 100000 + PATIENCE_MS + 2);
    assert_int_equal(dead(&watch, 100000 + 2 * PATIENCE_MS + 1), 1);
    lease_watch_clear(&watch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_after_every_look_of_that_time),
        cmocka_unit_test(a_worker_that_did_not_look_begins_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
