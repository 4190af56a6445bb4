#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "redis_limit.h"

#include <stdio.h>
#include <string.h>

struct fixture {
    redisReader *reader;
    struct redis_limit limit;
    size_t in_flight;
};

static int set_up(void **state)
{
    static struct fixture fixture;
    fixture.reader = redisReaderCreate();
    fixture.in_flight = 1;
    redis_limit_watch(&fixture.limit, fixture.reader, &fixture.in_flight);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    redisReaderFree(fixture->reader);
    return 0;
}

// Feeds a piece; 0 where an answer is complete, 1 where more is to come, -1 where it is refused.
static int feed(struct fixture *fixture, const char *piece, size_t len)
{
    void *reply = NULL;
    redisReaderFeed(fixture->reader, piece, len);
    if (redisReaderGetReply(fixture->reader, &reply) != REDIS_OK) {
        return -1;
    }
    if (!reply) {
        return redis_limit_is_passed(&fixture->limit, fixture->reader) ? -1 : 1;
    }
    freeReplyObject(reply);
    return 0;
}

static int feed_text(struct fixture *fixture, const char *piece)
{
    return feed(fixture, piece, strlen(piece));
}

static void lets_answers_through(void **state)
{
    static const char *const ANSWERS[] = {
        "+OK\r\n", ":1\r\n", "$-1\r\n", "*-1\r\n", "-ERR no\r\n", "*2\r\n$1\r\na\r\n*1\r\n:7\r\n",
    };
    for (size_t i = 0; i < sizeof ANSWERS / sizeof ANSWERS[0]; i++) {
        assert_int_equal(feed_text(*state, ANSWERS[i]), 0);
    }
    assert_null(((struct fixture *)*state)->limit.problem);
}

static void refuses_too_many_values(void **state)
{
    struct fixture *fixture = *state;
    char head[32];
    snprintf(head, sizeof head, "*%d\r\n", REDIS_LIMIT_VALUES + 1);
    assert_int_equal(feed_text(fixture, head), -1);
    assert_non_null(strstr(fixture->limit.problem, "too large"));
}

static void counts_nested_values(void **state)
{
    char head[32];
    snprintf(head, sizeof head, "*%d\r\n", REDIS_LIMIT_VALUES / 2);
    assert_int_equal(feed_text(*state, "*3\r\n"), 1);
    assert_int_equal(feed_text(*state, head), 1);
    assert_int_equal(feed_text(*state, "*2\r\n"), 1);
    assert_int_equal(feed_text(*state, head), -1);
}

static void each_answer_counts_from_nothing(void **state)
{
    struct fixture *fixture = *state;
    for (size_t i = 0; i < 2 * REDIS_LIMIT_VALUES; i++) {
        assert_int_equal(feed_text(fixture, "*1\r\n:1\r\n"), 0);
        redis_limit_next(&fixture->limit);
    }
}

static void refuses_a_value_without_an_end(void **state)
{
    static char piece[16 * 1024];
    static const char *const HEADS[] = {"$536870912\r\n", "+"};
    struct fixture *fixture = *state;
    memset(piece, 'x', sizeof piece);
    for (size_t i = 0; i < sizeof HEADS / sizeof HEADS[0]; i++) {
        size_t fed = 0;
        assert_int_equal(feed_text(fixture, HEADS[i]), 1);
        while (feed(fixture, piece, sizeof piece) > 0) {
            fed += sizeof piece;
            assert_true(fed <= REDIS_LIMIT_VALUE_BYTES);
        }
        tear_down(state);
        set_up(state);
    }
}

static void refuses_what_nobody_asked_for(void **state)
{
    struct fixture *fixture = *state;
    fixture->in_flight = 0;
    assert_int_equal(feed_text(fixture, "-ERR max number of clients reached\r\n"), 0);
    assert_int_equal(feed_text(fixture, "+OK\r\n"), -1);
    assert_non_null(strstr(fixture->limit.problem, "nobody asked for"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lets_answers_through, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_too_many_values, set_up, tear_down),
        cmocka_unit_test_setup_teardown(counts_nested_values, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_answer_counts_from_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_a_value_without_an_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_what_nobody_asked_for, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("redis_limit", tests, NULL, NULL);
}
