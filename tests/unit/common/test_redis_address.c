// REDIS_URL, and what error replies mean: tables of cases.
#include "redis.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static void parses_urls(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        struct redis_address expected;
    } CASES[] = {
        {"redis://127.0.0.1:6379", {"127.0.0.1", 6379, "", "", 0}},
        {"redis://redis", {"redis", 6379, "", "", 0}},
        {"redis://redis/", {"redis", 6379, "", "", 0}},
        {"redis://redis:7000/3", {"redis", 7000, "", "", 3}},
        {"redis://:pa%40ss@redis", {"redis", 6379, "", "pa@ss", 0}},
        {"redis://user:p@ss@redis:1/9999", {"redis", 1, "user", "p@ss", 9999}},
        {"redis://[::1]:7001/1", {"::1", 7001, "", "", 1}},
        {"redis://[::1]", {"::1", 6379, "", "", 0}},
        {"unix:///run/redis.sock", {"/run/redis.sock", 0, "", "", 0}},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct redis_address address;
        assert_null(redis_address_parse(&address, CASES[i].url));
        assert_string_equal(address.host, CASES[i].expected.host);
        assert_int_equal(address.port, CASES[i].expected.port);
        assert_string_equal(address.user, CASES[i].expected.user);
        assert_string_equal(address.password, CASES[i].expected.password);
        assert_int_equal(address.database, CASES[i].expected.database);
    }
}

static void refuses_other_urls_without_showing_passwords(void **state)
{
    (void)state;
    static const char *const CASES[] = {
        "",
        "127.0.0.1:6379",
        "http://redis",
        "redis://",
        "redis://:6379",
        "redis://redis:0",
        "redis://redis:65536",
        "redis://redis:x",
        "redis://redis/x",
        "redis://redis/10000",
        "redis://hunter22@redis",
        "redis://user:@redis",
        "redis://user:hunter22%zz@redis",
        "redis://user:hunter22%00@redis",
        "redis://[::1",
        "redis://[::1]x",
        "unix://",
        "rediss://user:hunter22@redis",
        "redis+sentinel://user:hunter22@a:26379/master/0",
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct redis_address address;
        const char *problem = redis_address_parse(&address, CASES[i]);
        assert_non_null(problem);
        assert_non_null(strstr(problem, "REDIS_URL"));
        assert_null(strstr(problem, "hunter22"));
    }
}

static void knows_error_replies(void **state)
{
    (void)state;
    static struct {
        char text[48];
        enum redis_error error;
    } CASES[] = {
        {"OOM command not allowed", REDIS_AGAIN},
        {"BUSY Redis is busy", REDIS_AGAIN},
        {"BUSYGROUP exists", REDIS_WRONG},
        {"TRYAGAIN Multiple keys", REDIS_AGAIN},
        {"NOREPLICAS Not enough", REDIS_AGAIN},
        {"MISCONF Errors", REDIS_AGAIN},
        {"READONLY You can't write", REDIS_ELSEWHERE},
        {"LOADING Redis is loading", REDIS_ELSEWHERE},
        {"MASTERDOWN Link", REDIS_ELSEWHERE},
        {"UNBLOCKED client", REDIS_ELSEWHERE},
        {"NOAUTH Authentication required.", REDIS_REFUSED},
        {"NOPERM this user", REDIS_REFUSED},
        {"WRONGPASS invalid", REDIS_REFUSED},
        {"NOSCRIPT No matching script", REDIS_NOSCRIPT},
        {"NOGROUP No such key", REDIS_NOGROUP},
        {"ERR unknown command", REDIS_WRONG},
        {"WRONGTYPE Operation", REDIS_WRONG},
        {"OOM", REDIS_AGAIN},
        {"OOMs", REDIS_WRONG},
        {"oom command", REDIS_WRONG},
        {" OOM", REDIS_WRONG},
        {"", REDIS_WRONG},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        const redisReply reply = {
            .type = REDIS_REPLY_ERROR, .str = CASES[i].text, .len = strlen(CASES[i].text)};
        assert_int_equal(redis_error_of(&reply), CASES[i].error);
    }
    const redisReply fine = {.type = REDIS_REPLY_STATUS};
    assert_int_equal(redis_error_of(&fine), REDIS_FINE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses_urls),
        cmocka_unit_test(refuses_other_urls_without_showing_passwords),
        cmocka_unit_test(knows_error_replies),
    };
    return cmocka_run_group_tests_name("redis_address", tests, NULL, NULL);
}
