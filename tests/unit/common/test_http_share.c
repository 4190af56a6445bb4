// How many connections an address has, and who is remembered as genuine. Time is a parameter.
#include "http_share.h"

#include "http_connection.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#define NOW_MS UINT64_C(5000000)

static const struct sockaddr *address_of(const char *text)
{
    static struct sockaddr_storage address;
    assert_true(http_connection_address(text, 80, &address));
    return (const struct sockaddr *)(const void *)&address;
}

static struct http_share *join(struct http_shares *shares, const char *text)
{
    return http_shares_join(shares, address_of(text));
}

static int set_up(void **state)
{
    *state = http_shares_open();
    return 0;
}

static int tear_down(void **state)
{
    http_shares_close(*state);
    return 0;
}

static void counts_the_connections_of_each_address(void **state)
{
    struct http_share *one = join(*state, "203.0.113.1");
    assert_ptr_equal(join(*state, "203.0.113.1"), one);
    assert_ptr_not_equal(join(*state, "203.0.113.2"), one);
    assert_int_equal(http_share_connections(one), 2);
    http_shares_leave(*state, one, NOW_MS);
    assert_int_equal(http_share_connections(one), 1);
    assert_ptr_equal(http_shares_find(*state, address_of("203.0.113.1")), one);
    assert_null(http_shares_find(*state, address_of("203.0.113.3")));
}

static void takes_a_network_of_64_bits_for_one_address(void **state)
{
    struct http_share *one = join(*state, "2001:db8:1:2::1");
    assert_ptr_equal(join(*state, "2001:db8:1:2:ffff::9"), one);
    assert_ptr_not_equal(join(*state, "2001:db8:1:3::1"), one);
    assert_ptr_equal(join(*state, "::ffff:203.0.113.1"), join(*state, "203.0.113.1"));
    assert_ptr_not_equal(join(*state, "::ffff:203.0.113.1"), join(*state, "203.0.113.2"));
}

static void remembers_the_genuine_for_an_hour(void **state)
{
    struct http_share *genuine = join(*state, "203.0.113.1");
    struct http_share *stranger = join(*state, "203.0.113.2");
    http_share_note_genuine(genuine, NOW_MS);
    assert_false(http_share_is_genuine(stranger, NOW_MS));
    http_shares_leave(*state, genuine, NOW_MS);
    http_shares_leave(*state, stranger, NOW_MS);
    assert_null(http_shares_find(*state, address_of("203.0.113.2")));
    struct http_share *again = join(*state, "203.0.113.1");
    assert_int_equal(http_share_connections(again), 1);
    assert_true(http_share_is_genuine(again, NOW_MS + HTTP_GENUINE_MS - 1));
    assert_false(http_share_is_genuine(again, NOW_MS + HTTP_GENUINE_MS));
    http_shares_leave(*state, again, NOW_MS + HTTP_GENUINE_MS);
    assert_null(http_shares_find(*state, address_of("203.0.113.1")));
}

// The memory is bounded, and an address with a connection is never forgotten.
static void remembers_no_more_than_so_many(void **state)
{
    unsigned found = 0;
    char text[32];
    struct http_share *connected = join(*state, "203.0.113.1");
    http_share_note_genuine(connected, NOW_MS);
    for (unsigned i = 0; i < 2 * HTTP_GENUINE_MAX; i++) {
        snprintf(text, sizeof text, "198.51.%u.%u", i >> 8, i & 255);
        struct http_share *share = join(*state, text);
        http_share_note_genuine(share, NOW_MS);
        http_shares_leave(*state, share, NOW_MS);
    }
    for (unsigned i = 0; i < 2 * HTTP_GENUINE_MAX; i++) {
        snprintf(text, sizeof text, "198.51.%u.%u", i >> 8, i & 255);
        found += http_shares_find(*state, address_of(text)) != NULL;
    }
    assert_int_equal(found, HTTP_GENUINE_MAX);
    assert_ptr_equal(http_shares_find(*state, address_of("203.0.113.1")), connected);
}

static void knows_private_networks(void **state)
{
    (void)state;
    static const struct {
        const char *address;
        bool is_loopback, is_private;
    } CASES[] = {
        {"127.0.0.1", true, true},
        {"127.255.255.254", true, true},
        {"::1", true, true},
        {"::ffff:127.0.0.1", true, true},
        {"10.0.0.1", false, true},
        {"172.16.0.1", false, true},
        {"172.31.255.255", false, true},
        {"192.168.0.1", false, true},
        {"100.64.0.1", false, true},
        {"100.127.255.255", false, true},
        {"169.254.1.1", false, true},
        {"fc00::1", false, true},
        {"fdff::1", false, true},
        {"fe80::1", false, true},
        {"::ffff:10.0.0.1", false, true},
        {"9.255.255.255", false, false},
        {"11.0.0.1", false, false},
        {"172.15.255.255", false, false},
        {"172.32.0.1", false, false},
        {"192.167.0.1", false, false},
        {"100.63.255.255", false, false},
        {"100.128.0.1", false, false},
        {"128.0.0.1", false, false},
        {"203.0.113.1", false, false},
        {"::2", false, false},
        {"fec0::1", false, false},
        {"2001:db8::1", false, false},
        {"::ffff:203.0.113.1", false, false},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        const struct sockaddr *address = address_of(CASES[i].address);
        if (http_address_is_loopback(address) != CASES[i].is_loopback ||
            http_address_is_private(address) != CASES[i].is_private) {
            fail_msg("%s", CASES[i].address);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(counts_the_connections_of_each_address, set_up, tear_down),
        cmocka_unit_test_setup_teardown(takes_a_network_of_64_bits_for_one_address, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(remembers_the_genuine_for_an_hour, set_up, tear_down),
        cmocka_unit_test_setup_teardown(remembers_no_more_than_so_many, set_up, tear_down),
        cmocka_unit_test(knows_private_networks),
    };
    return cmocka_run_group_tests_name("http_share", tests, NULL, NULL);
}
