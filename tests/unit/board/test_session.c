// The cookie and the slowing down of wrong tokens.
#include "login_limit.h"
#include "session.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#define NOW_MS 1795408783000ULL

static void cookie_of(const struct session_key *key, char out[256])
{
    char value[SESSION_VALUE_BYTES];
    session_value(key, NOW_MS, value);
    snprintf(out, 256, "other=1; " SESSION_COOKIE "=%s; more=2", value);
}

static void a_cookie_lives_twelve_hours(void **state)
{
    (void)state;
    char cookie[256];
    struct session_key *key = session_key_open("a token of 16 bytes");
    cookie_of(key, cookie);
    assert_int_equal(session_ends_ms(key, cookie, NOW_MS), NOW_MS + SESSION_MS);
    assert_true(session_ends_ms(key, cookie, NOW_MS + SESSION_MS - 1));
    assert_false(session_ends_ms(key, cookie, NOW_MS + SESSION_MS));
    session_key_close(key);
}

static void each_changed_byte_is_noticed(void **state)
{
    (void)state;
    char cookie[256];
    struct session_key *key = session_key_open("a token of 16 bytes");
    cookie_of(key, cookie);
    char *value = strstr(cookie, SESSION_COOKIE "=") + sizeof SESSION_COOKIE;
    for (size_t i = 0; value[i] != ';'; i++) {
        char kept = value[i];
        value[i] = kept == '7' ? '8' : '7';
        assert_false(session_ends_ms(key, cookie, NOW_MS));
        value[i] = kept;
    }
    assert_true(session_ends_ms(key, cookie, NOW_MS));
    session_key_close(key);
}

static void foreign_cookies_are_none(void **state)
{
    (void)state;
    char cookie[256];
    struct session_key *key = session_key_open("a token of 16 bytes");
    struct session_key *other = session_key_open("another token, 16+");
    cookie_of(other, cookie);
    assert_false(session_ends_ms(key, cookie, NOW_MS));
    static const char *const CASES[] = {
        NULL,
        "",
        ";",
        SESSION_COOKIE,
        SESSION_COOKIE "=",
        SESSION_COOKIE "=1795408783000.",
        SESSION_COOKIE "=999999999999999999999.00",
        "x" SESSION_COOKIE "=1.2",
        "===;;;=",
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        assert_false(session_ends_ms(key, CASES[i], NOW_MS));
    }
    session_key_close(key);
    session_key_close(other);
}

static void a_second_cookie_of_the_name_does_no_harm(void **state)
{
    (void)state;
    char cookie[256], both[400];
    struct session_key *key = session_key_open("a token of 16 bytes");
    cookie_of(key, cookie);
    snprintf(both, sizeof both, SESSION_COOKIE "=1.2; %s", cookie);
    assert_true(session_ends_ms(key, both, NOW_MS));
    session_key_close(key);
}

static void tokens_are_compared_whole(void **state)
{
    (void)state;
    struct session_key *key = session_key_open("a token of 16 bytes");
    assert_true(session_token_is_right(key, "a token of 16 bytes"));
    assert_false(session_token_is_right(key, "a token of 16 byte"));
    assert_false(session_token_is_right(key, "a token of 16 bytes "));
    assert_false(session_token_is_right(key, ""));
    session_key_close(key);
}

static void ten_wrong_tokens_wait_a_minute(void **state)
{
    (void)state;
    struct login_limit *limit = login_limit_open();
    for (unsigned i = 0; i < LOGIN_WRONG_MAX; i++) {
        assert_int_equal(login_limit_wait_s(limit, "192.0.2.1", NOW_MS + i), 0);
        login_limit_wrong(limit, "192.0.2.1", NOW_MS + i);
    }
    const uint64_t last_ms = NOW_MS + LOGIN_WRONG_MAX - 1;
    assert_int_equal(login_limit_wait_s(limit, "192.0.2.1", last_ms), 60);
    assert_int_equal(login_limit_wait_s(limit, "192.0.2.2", last_ms), 0);
    assert_int_equal(login_limit_wait_s(limit, "192.0.2.1", last_ms + LOGIN_WAIT_MS), 0);
    login_limit_wrong(limit, "192.0.2.1", last_ms + LOGIN_WAIT_MS); // counted from one again
    assert_int_equal(login_limit_wait_s(limit, "192.0.2.1", last_ms + LOGIN_WAIT_MS), 0);
    login_limit_close(limit);
}

static void many_addresses_push_out_the_oldest(void **state)
{
    (void)state;
    struct login_limit *limit = login_limit_open();
    for (unsigned i = 0; i < LOGIN_WRONG_MAX; i++) {
        login_limit_wrong(limit, "192.0.2.1", NOW_MS);
    }
    for (unsigned i = 0; i < LOGIN_ADDRESSES_MAX; i++) {
        char address[PEER_BYTES];
        snprintf(address, sizeof address, "10.0.%u.%u", i / 256, i % 256);
        login_limit_wrong(limit, address, NOW_MS + 1 + i);
    }
    assert_int_equal(login_limit_wait_s(limit, "192.0.2.1", NOW_MS + 2000), 0);
    login_limit_close(limit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cookie_lives_twelve_hours),
        cmocka_unit_test(each_changed_byte_is_noticed),
        cmocka_unit_test(foreign_cookies_are_none),
        cmocka_unit_test(a_second_cookie_of_the_name_does_no_harm),
        cmocka_unit_test(tokens_are_compared_whole),
        cmocka_unit_test(ten_wrong_tokens_wait_a_minute),
        cmocka_unit_test(many_addresses_push_out_the_oldest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
