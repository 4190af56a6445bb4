// What a server says of itself, and which servers are not used. (What is warned of, the flow tests
// see in the programs' logs.)
#include "redis_info.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

static void check(const char *info, const char *word)
{
    const char *trouble = redis_info_problem(info, false);
    if (word) {
        assert_non_null(trouble);
        assert_non_null(strstr(trouble, word));
    } else {
        assert_null(trouble);
    }
}

static void test_trouble(void **state)
{
    (void)state;
    check("# Server\r\nredis_version:7.0.15\r\nloading:0\r\nrole:master\r\n", NULL);
    check("# Server\r\nredis_version:8.0.0\r\nrole:master\r\n", NULL);
    check("# Server\r\nredis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.1.0\r\n",
          NULL);
    check("# Server\r\nredis_version:10.0.0\r\n", NULL);
    check("# Server\r\nredis_version:6.2.14\r\n", "older than 7.0");
    check("# Server\r\nredis_version:6.9.9\r\nloading:1\r\n", "older than 7.0");
    check("", "older than 7.0");
    check("# Server\r\nredis_version:7.0.0\r\nloading:1\r\n", "loading");
    check("# Server\r\nredis_version:7.0.0\r\nasync_loading:1\r\n", NULL);
    check("# Server\r\nredis_version:7.0.0\r\nrole:slave\r\n", "read-only replica");
}

static void test_file(void **state)
{
    (void)state;
    assert_true(redis_info_has_file("# Persistence\r\naof_enabled:1\r\n"));
    assert_false(redis_info_has_file("# Persistence\r\naof_enabled:0\r\n"));
    assert_true(redis_info_has_file("# Server\r\n")); // it does not say: nothing to warn of
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_trouble), cmocka_unit_test(test_file)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
