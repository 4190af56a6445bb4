// Which heads are beyond doubt, and which route a request takes: tables of cases.
#include "http_framing.h"
#include "http_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define HEADERS_MAX 4

static void judges_headers(void **state)
{
    (void)state;
    static const struct {
        bool is_good;
        struct http_header headers[HEADERS_MAX];
    } CASES[] = {
        {true, {{"Host", "a"}, {"Content-Length", "5"}}},
        {true, {{"Host", "a"}, {"Transfer-Encoding", "chunked"}}},
        {true, {{"Host", "a"}, {"transfer-encoding", "Chunked"}}},
        {true, {{"Accept", "a"}, {"Accept", "b"}}},
        {true, {{"X", "tab\tinside"}}},
        {false, {{"Content-Length", "5"}, {"Transfer-Encoding", "chunked"}}},
        {false, {{"Transfer-Encoding", "chunked"}, {"Content-Length", "5"}}},
        {false, {{"Content-Length", "5"}, {"Content-Length", "5"}}},
        {false, {{"Content-Length", "5"}, {"content-length", "6"}}},
        {false, {{"Content-Length", "+5"}}},
        {false, {{"Content-Length", "-1"}}},
        {false, {{"Content-Length", "5, 5"}}},
        {false, {{"Content-Length", "0x5"}}},
        {false, {{"Content-Length", ""}}},
        {false, {{"Content-Length", "9999999999999999999"}}},
        {false, {{"Transfer-Encoding", "xchunked"}}},
        {false, {{"Transfer-Encoding", "gzip, chunked"}}},
        {false, {{"Transfer-Encoding", "chunked"}, {"Transfer-Encoding", "chunked"}}},
        {false, {{"Transfer-Encoding ", "chunked"}}},
        {false, {{"Host", "a"}, {"Host", "a"}}},
        {false, {{"X-Pinless-Signature", "a"}, {"x-pinless-signature", "a"}}},
        {false, {{"X-Pinless-Timestamp", "1"}, {"X-Pinless-Timestamp", "2"}}},
        {false, {{"Authorization", "a"}, {"Authorization", "b"}}},
        {false, {{"X", "a\rb"}}},
        {false, {{"X", "a\x01"}}},
        {false, {{"X", "a\x7f"}}},
        {false, {{"X(Y)", "a"}}},
        {false, {{"", "a"}}},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct http_framing framing;
        http_framing_init(&framing);
        for (size_t j = 0; j < HEADERS_MAX && CASES[i].headers[j].name; j++) {
            http_framing_add(&framing, CASES[i].headers[j].name, CASES[i].headers[j].value);
        }
        if ((http_framing_problem(&framing) == NULL) != CASES[i].is_good) {
            fail_msg("case %zu: %s: %s", i, CASES[i].headers[0].name, CASES[i].headers[0].value);
        }
    }
}

static void bounds_number_and_length(void **state)
{
    (void)state;
    static char long_value[HTTP_HEAD_BYTES_MAX];
    struct http_framing framing;
    http_framing_init(&framing);
    for (int i = 0; i < HTTP_HEADERS_MAX; i++) {
        http_framing_add(&framing, "X", "a");
    }
    assert_null(http_framing_problem(&framing));
    http_framing_add(&framing, "X", "a");
    assert_non_null(http_framing_problem(&framing));
    memset(long_value, 'a', sizeof long_value - 1);
    http_framing_init(&framing);
    http_framing_add(&framing, "X", long_value);
    assert_non_null(http_framing_problem(&framing));
}

static void finds_routes(void **state)
{
    (void)state;
    static const struct http_route ROUTES[] = {
        {"POST", "/start", NULL, NULL},   {"POST", "/v1/*/start", NULL, NULL},
        {"GET", "/requests", NULL, NULL}, {"DELETE", "/requests", NULL, NULL},
        {NULL, NULL, NULL, NULL},
    };
    static const struct {
        const char *method, *path;
        int route; // -1: none
        const char *allow;
    } CASES[] = {
        {"POST", "/start", 0, ""},
        {"GET", "/start", -1, "POST"},
        {"POST", "/v1/a-b/start", 1, ""},
        {"POST", "/v1//start", -1, ""},
        {"POST", "/v1/a/b/start", -1, ""},
        {"POST", "/v1/a/startle", -1, ""},
        {"POST", "/v1/a", -1, ""},
        {"HEAD", "/requests", 2, ""},
        {"DELETE", "/requests", 3, ""},
        {"PUT", "/requests", -1, "GET, HEAD, DELETE"},
        {"POST", "", -1, ""},
        {"POST", "/start/", -1, ""},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        char allow[HTTP_ALLOW_BYTES];
        const struct http_route *found =
            http_route_find(ROUTES, CASES[i].method, CASES[i].path, allow);
        assert_ptr_equal(found, CASES[i].route < 0 ? NULL : &ROUTES[CASES[i].route]);
        if (!found) {
            assert_string_equal(allow, CASES[i].allow);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(judges_headers),
        cmocka_unit_test(bounds_number_and_length),
        cmocka_unit_test(finds_routes),
    };
    return cmocka_run_group_tests_name("http_framing", tests, NULL, NULL);
}
