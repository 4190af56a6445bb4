// Which requests the board answers: SIGHT section 1, "Rules".
#include "gate.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

static struct peer_proxies *proxies; // 10.0.0.0/8

static struct gate_request page_of(const char *host)
{
    return (struct gate_request){.peer = "127.0.0.1", .host = host, .is_get = true};
}

static unsigned status_of(const struct gate_rules *rules, const struct gate_request *request)
{
    const struct gate_verdict verdict = gate_check(rules, request);
    assert_true((verdict.status == 0) == (verdict.sentence == NULL));
    return verdict.status;
}

static void hosts(void **state)
{
    (void)state;
    static const struct {
        const char *host, *listed;
        unsigned status;
    } CASES[] = {
        {"localhost", NULL, 0},
        {"localhost:7861", NULL, 0},
        {"LocalHost:7861", NULL, 0},
        {"127.0.0.1:7861", NULL, 0},
        {"127.1.2.3", NULL, 0},
        {"[::1]:7861", NULL, 0},
        {NULL, NULL, 421},
        {"", NULL, 421},
        {"evil.example", NULL, 421},
        {"localhost.evil.example", NULL, 421},
        {"127.0.0.1.evil.example", NULL, 421},
        {"127.0.0.1:7861.evil.example", NULL, 421},
        {"[::1].evil.example", NULL, 421},
        {"evil.example:127", NULL, 421},
        {"[::2]:7861", NULL, 421},
        {"192.168.1.5:7861", NULL, 421},
        {"board.example", "board.example", 0},
        {"board.example:8443", "other.example, board.example", 0},
        {"BOARD.example", "board.example", 0},
        {"board.example", "board.example:8443", 421},
        {"board.example:8443", "board.example:8443", 0},
        {"aboard.example", "board.example", 421},
        {"board.example.evil", "board.example", 421},
        {"evil.example", ",, ,", 421},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        const struct gate_rules rules = {.hosts = CASES[i].listed, .proxies = proxies};
        const struct gate_request request = page_of(CASES[i].host);
        if (status_of(&rules, &request) != CASES[i].status) {
            fail_msg("host %s", CASES[i].host ? CASES[i].host : "(none)");
        }
    }
}

static void pages_that_send(void **state)
{
    (void)state;
    static const struct {
        const char *peer, *sec_fetch_site, *origin, *proto, *forwarded_host;
        bool is_get;
        unsigned status;
    } CASES[] = {
        {"127.0.0.1", "same-origin", NULL, NULL, NULL, false, 0},
        {"127.0.0.1", "same-site", NULL, NULL, NULL, true, 403},
        {"127.0.0.1", "cross-site", "http://localhost:7861", NULL, NULL, true, 403},
        {"127.0.0.1", "none", NULL, NULL, NULL, true, 403},
        {"127.0.0.1", "", NULL, NULL, NULL, true, 403},
        {"127.0.0.1", NULL, "http://localhost:7861", NULL, NULL, false, 0},
        {"127.0.0.1", NULL, "http://localhost", NULL, NULL, false, 403},
        {"127.0.0.1", NULL, "https://localhost:7861", NULL, NULL, false, 403},
        {"127.0.0.1", NULL, "http://evil.example", NULL, NULL, true, 403},
        {"127.0.0.1", NULL, "null", NULL, NULL, true, 403},
        {"127.0.0.1", NULL, NULL, NULL, NULL, true, 0},
        {"127.0.0.1", NULL, NULL, NULL, NULL, false, 403},
        {"10.1.2.3", NULL, "https://localhost:7861", "https", NULL, false, 0},
        {"10.1.2.3", NULL, "http://localhost:7861", "https", NULL, false, 403},
        {"10.1.2.3", NULL, "https://127.0.0.1", "https", "127.0.0.1", false, 0},
        {"10.1.2.3", NULL, "https://evil.example", "https", "evil.example", false, 421},
        {"192.0.2.1", NULL, "https://localhost:7861", "https", NULL, false, 403},
    };
    const struct gate_rules rules = {.has_token = true, .proxies = proxies};
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        const struct gate_request request = {
            .peer = CASES[i].peer,
            .is_api = true,
            .is_get = CASES[i].is_get,
            .is_forwarded = CASES[i].proto != NULL,
            .host = "localhost:7861",
            .origin = CASES[i].origin,
            .sec_fetch_site = CASES[i].sec_fetch_site,
            .forwarded_proto = CASES[i].proto,
            .forwarded_host = CASES[i].forwarded_host,
            .content_type = "application/json",
        };
        if (status_of(&rules, &request) != CASES[i].status) {
            fail_msg("case %zu", i);
        }
    }
}

static void a_post_is_json(void **state)
{
    (void)state;
    static const struct {
        const char *type;
        unsigned status;
    } CASES[] = {
        {"application/json", 0},
        {"application/json; charset=utf-8", 0},
        {"Application/JSON", 0},
        {NULL, 415},
        {"text/plain", 415},
        {"application/jsonp", 415},
        {"application/x-www-form-urlencoded", 415},
    };
    const struct gate_rules rules = {.proxies = proxies};
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct gate_request request = page_of("localhost");
        request.is_api = true;
        request.is_get = false;
        request.sec_fetch_site = "same-origin";
        request.content_type = CASES[i].type;
        assert_int_equal(status_of(&rules, &request), CASES[i].status);
    }
}

// A careless proxy must not open the board to the world.
static void proxies_need_a_token_or_a_user(void **state)
{
    (void)state;
    static const struct {
        const char *user_header, *peer, *user;
        bool has_token, is_forwarded;
        unsigned status;
    } CASES[] = {
        {NULL, "127.0.0.1", NULL, false, false, 0},
        {NULL, "127.0.0.1", NULL, false, true, 403},
        {NULL, "10.0.0.1", NULL, false, true, 403},
        {NULL, "127.0.0.1", NULL, true, true, 0},
        {"X-User", "10.0.0.1", "anna", false, true, 0},
        {"X-User", "10.0.0.1", "anna", false, false, 0},
        {"X-User", "10.0.0.1", NULL, false, true, 403},
        {"X-User", "10.0.0.1", "", false, true, 403},
        {"X-User", "127.0.0.1", "anna", false, false, 403},
        {"X-User", "192.0.2.1", "anna", false, true, 403},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        const struct gate_rules rules = {.has_token = CASES[i].has_token,
                                         .user_header = CASES[i].user_header,
                                         .proxies = proxies};
        struct gate_request request = page_of("localhost");
        request.peer = CASES[i].peer;
        request.user = CASES[i].user;
        request.is_forwarded = CASES[i].is_forwarded;
        if (status_of(&rules, &request) != CASES[i].status) {
            fail_msg("case %zu", i);
        }
    }
}

static void a_token_travels_safely(void **state)
{
    (void)state;
    static const struct {
        const char *peer, *proto;
        bool is_forwarded, is_local_only, may;
    } CASES[] = {
        {"127.0.0.1", NULL, false, false, true},    {"::1", NULL, false, false, true},
        {"192.168.1.9", NULL, false, false, false}, {"172.17.0.1", NULL, false, true, true},
        {"127.0.0.1", NULL, true, false, false},    {"127.0.0.1", "https", true, false, false},
        {"10.0.0.1", "https", true, false, true},   {"10.0.0.1", "http", true, false, false},
        {"10.0.0.1", NULL, true, false, false},     {"172.17.0.1", NULL, true, true, false},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        const struct gate_rules rules = {
            .has_token = true, .is_local_only = CASES[i].is_local_only, .proxies = proxies};
        struct gate_request request = page_of("localhost");
        request.peer = CASES[i].peer;
        request.forwarded_proto = CASES[i].proto;
        request.is_forwarded = CASES[i].is_forwarded;
        if ((gate_login_problem(&rules, &request) == NULL) != CASES[i].may) {
            fail_msg("case %zu", i);
        }
    }
}

static int open_proxies(void **state)
{
    (void)state;
    struct bytes problem;
    bytes_init(&problem, 256);
    proxies = peer_proxies_parse("10.0.0.0/8", &problem);
    return proxies ? 0 : -1;
}

static int close_proxies(void **state)
{
    (void)state;
    peer_proxies_free(proxies);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hosts),
        cmocka_unit_test(pages_that_send),
        cmocka_unit_test(a_post_is_json),
        cmocka_unit_test(proxies_need_a_token_or_a_user),
        cmocka_unit_test(a_token_travels_safely),
    };
    return cmocka_run_group_tests(tests, open_proxies, close_proxies);
}
