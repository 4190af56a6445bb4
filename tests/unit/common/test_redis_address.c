// REDIS_URL, and what error replies mean: tables of cases.
#include "redis.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

struct expected {
    const char *host;
    uint16_t port;
    const char *user, *password;
    unsigned database;
    bool has_login, has_tls;
    int family;
};

static void parses_urls(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        struct expected expected;
    } CASES[] = {
        {"redis://127.0.0.1:6379", {.host = "127.0.0.1"}},
        {"redis://redis", {.host = "redis"}},
        {"redis://redis/", {.host = "redis"}},
        {"redis://redis:7000/3", {.host = "redis", .port = 7000, .database = 3}},
        {"redis://:pa%40ss@redis", {.host = "redis", .password = "pa@ss", .has_login = true}},
        {"redis://user:p@ss@redis:1/9999",
         {.host = "redis",
          .port = 1,
          .user = "user",
          .password = "p@ss",
          .database = 9999,
          .has_login = true}},
        {"redis://[::1]:7001/1", {.host = "::1", .port = 7001, .database = 1}},
        {"redis://[::1]", {.host = "::1"}},
        {"redis://:a/b+c=@h", {.host = "h", .password = "a/b+c=", .has_login = true}},
        {"redis://:a?b#c@h", {.host = "h", .password = "a?b#c", .has_login = true}},
        {"redis://default:@h", {.host = "h", .user = "default"}},
        {"redis://user:@h", {.host = "h", .user = "user", .has_login = true}},
        {"redis://h:6379?family=0", {.host = "h"}},
        {"redis://default:pw@h?family=6",
         {.host = "h", .user = "default", .password = "pw", .has_login = true, .family = 6}},
        {"redis://h/0?protocol=3", {.host = "h"}},
        {"redis://h/?db=2", {.host = "h", .database = 2}},
        {"redis://h/2?db=2&family=4", {.host = "h", .database = 2, .family = 4}},
        {"rediss://default:pw@x.example:6379?ssl_cert_reqs=required",
         {.host = "x.example",
          .user = "default",
          .password = "pw",
          .has_login = true,
          .has_tls = true}},
        {"REDIS://h", {.host = "h"}},
        {"valkeys://h", {.host = "h", .has_tls = true}},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        const struct expected *expected = &CASES[i].expected;
        struct redis_address address;
        assert_null(redis_address_parse(&address, CASES[i].url));
        assert_int_equal(address.kind, REDIS_SINGLE);
        assert_int_equal(address.host_count, 1);
        assert_string_equal(address.hosts[0].name, expected->host);
        assert_int_equal(address.hosts[0].port, expected->port ? expected->port : 6379);
        assert_string_equal(address.user, expected->user ? expected->user : "");
        assert_string_equal(address.password, expected->password ? expected->password : "");
        assert_int_equal(address.has_login, expected->has_login);
        assert_int_equal(address.has_tls, expected->has_tls);
        assert_int_equal(address.database, expected->database);
        assert_int_equal(address.family, expected->family);
    }
}

static void parses_paths_of_sockets(void **state)
{
    (void)state;
    struct redis_address address;
    assert_null(redis_address_parse(&address, "unix:///run/redis.sock"));
    assert_string_equal(address.hosts[0].name, "/run/redis.sock");
    assert_int_equal(address.hosts[0].port, 0);
    assert_null(redis_address_parse(&address, "unix:///run/a@b?db=1"));
    assert_string_equal(address.hosts[0].name, "/run/a@b");
    assert_int_equal(address.database, 1);
    assert_null(redis_address_parse(&address, "unix://:pw@/run/redis.sock"));
    assert_string_equal(address.password, "pw");
}

static void parses_lists_of_hosts(void **state)
{
    (void)state;
    struct redis_address address;
    assert_null(redis_address_parse(&address, "redis+sentinel://u:p@a,b:1,[::1]:2/main/3"));
    assert_int_equal(address.kind, REDIS_SENTINEL);
    assert_int_equal(address.host_count, 3);
    assert_int_equal(address.hosts[0].port, 26379);
    assert_string_equal(address.hosts[2].name, "::1");
    assert_int_equal(address.hosts[2].port, 2);
    assert_string_equal(address.master, "main");
    assert_int_equal(address.database, 3);
    assert_null(redis_address_parse(&address, "redis+cluster://a:7000,b"));
    assert_int_equal(address.kind, REDIS_CLUSTER);
    assert_int_equal(address.host_count, 2);
    assert_int_equal(address.hosts[1].port, 6379);
    assert_null(redis_address_parse(&address, "rediss+cluster://a"));
    assert_true(address.has_tls);
}

static void refuses_other_urls_by_the_part_and_without_their_text(void **state)
{
    (void)state;
    static const struct {
        const char *url, *part;
    } CASES[] = {
        {"", "scheme"},
        {"127.0.0.1:6379", "scheme"},
        {"http://redis", "scheme"},
        {"tcp://redis:6379", "scheme"},
        {"redis:6379", "scheme"},
        {"redis://", "host"},
        {"redis://:6379", "host"},
        {"redis://redis:0", "port"},
        {"redis://redis:65536", "port"},
        {"redis://redis:x", "port"},
        {"redis://redis/x", "database"},
        {"redis://redis/10000", "database"},
        {"redis://hunter22@redis", "log-in"},
        {"redis://:@redis", "log-in"},
        {"redis://user:hunter22%zz@redis", "password"},
        {"redis://:hunter22%pure@redis", "password"},
        {"redis://user:hunter22%00@redis", "password"},
        {"redis://user%:hunter22@redis", "user"},
        {"redis://[::1", "IPv6"},
        {"redis://[::1]x", "port"},
        {"redis://:hunter22@h/0#main", "#"},
        {"redis://h?db=x", "db"},
        {"redis://h/1?db=2", "db"},
        {"redis://h?family=5", "family"},
        {"redis://h?family=", "family"},
        {"redis://h?protocol=4", "protocol"},
        {"redis://h?password=hunter22", "password"},
        {"redis://:p@h?hunter22", "parameter"},
        {"rediss://h?ssl_cert_reqs=none", "ssl_cert_reqs"},
        {"unix://", "path"},
        {"unix://?db=1", "path"},
        {"redis+sentinel://user:hunter22@a:26379", "master"},
        {"redis+sentinel://a,,b/main", "host"},
        {"redis+cluster://a/1", "cluster"},
        {"redis+cluster://a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a", "16"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct redis_address address;
        const char *problem = redis_address_parse(&address, CASES[i].url);
        assert_non_null(problem);
        assert_non_null(strstr(problem, CASES[i].part));
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
        {"MOVED 866 127.0.0.1:7001", REDIS_ELSEWHERE},
        {"ASK 866 127.0.0.1:7001", REDIS_AGAIN},
        {"CLUSTERDOWN The cluster is down", REDIS_AGAIN},
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
        cmocka_unit_test(parses_paths_of_sockets),
        cmocka_unit_test(parses_lists_of_hosts),
        cmocka_unit_test(refuses_other_urls_by_the_part_and_without_their_text),
        cmocka_unit_test(knows_error_replies),
    };
    return cmocka_run_group_tests_name("redis_address", tests, NULL, NULL);
}
