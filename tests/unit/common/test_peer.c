// Who sent a request, as a table: trusted proxies, the connection, the header, the answer.
#include "peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static void finds_the_nearest_untrusted_sender(void **state)
{
    (void)state;
    static const struct {
        const char *proxies, *connected, *header, *expected;
    } CASES[] = {
        {"", "203.0.113.9", NULL, "203.0.113.9"},
        {"", "203.0.113.9", "198.51.100.1", "203.0.113.9"}, // nobody is trusted
        {"10.0.0.0/8", "203.0.113.9", "198.51.100.1", "203.0.113.9"},
        {"10.0.0.0/8", "10.1.2.3", NULL, "10.1.2.3"},
        {"10.0.0.0/8", "10.1.2.3", "198.51.100.1", "198.51.100.1"},
        {"10.0.0.0/8", "10.1.2.3", "6.6.6.6, 198.51.100.1", "198.51.100.1"}, // forged in front
        {"10.0.0.0/8", "10.1.2.3", "198.51.100.1, 10.9.9.9", "198.51.100.1"},
        {"10.0.0.0/8", "10.1.2.3", "10.7.7.7,10.9.9.9", "10.7.7.7"},
        {"10.0.0.0/8", "10.1.2.3", "nonsense", "10.1.2.3"},
        {"10.0.0.0/8", "10.1.2.3", "198.51.100.1, nonsense", "10.1.2.3"},
        {"10.0.0.0/8", "10.1.2.3", "", "10.1.2.3"},
        {"10.0.0.0/8", "11.0.0.1", "198.51.100.1", "11.0.0.1"},
        {"192.168.1.128/25", "192.168.1.127", "198.51.100.1", "192.168.1.127"},
        {"192.168.1.128/25", "192.168.1.129", "198.51.100.1", "198.51.100.1"},
        {"::1, fd00::/8", "fd12::1", "2001:db8::5", "2001:db8::5"},
        {"127.0.0.1", "127.0.0.1", "2001:db8::5", "2001:db8::5"},
        {"0.0.0.0/0", "127.0.0.1", "1.1.1.1, 2.2.2.2", "1.1.1.1"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct bytes problem;
        char peer[PEER_BYTES];
        bytes_init(&problem, 256);
        struct peer_proxies *proxies = peer_proxies_parse(CASES[i].proxies, &problem);
        assert_non_null(proxies);
        peer_of(proxies, CASES[i].connected, CASES[i].header, peer);
        assert_string_equal(peer, CASES[i].expected);
        peer_proxies_free(proxies);
        bytes_release(&problem);
    }
}

static void refuses_what_is_no_network(void **state)
{
    (void)state;
    static const char *const CASES[] = {"proxy",      "10.0.0.0/33", "10.0.0.0/",
                                        "::/129",     "1.2.3",       "10.0.0.0/8,",
                                        "10.0.0.0/x", "10.0.0.0/-1", ",1.2.3.4"};
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct bytes problem;
        bytes_init(&problem, 256);
        assert_null(peer_proxies_parse(CASES[i], &problem));
        assert_true(problem.len > 0);
        bytes_release(&problem);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_nearest_untrusted_sender),
        cmocka_unit_test(refuses_what_is_no_network),
    };
    return cmocka_run_group_tests_name("peer", tests, NULL, NULL);
}
