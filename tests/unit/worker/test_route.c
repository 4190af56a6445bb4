// Which URLs may take calls, and what their agents are called: tables of cases.
#include "route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *url, *agent; // NULL: refused
} URLS[] = {
    {"https://bots.example.com/start", "bots.example.com/start"},
    {"https://bots.example.com:8443/a/start?x=1", "bots.example.com:8443/a/start"},
    {"https://bots.example.com", "bots.example.com"},
    {"http://127.0.0.1:7870/start", "127.0.0.1:7870/start"},
    {"http://localhost/start", "localhost/start"},
    {"http://agent:7870/start", "agent:7870/start"},
    {"http://10.1.2.3/start", "10.1.2.3/start"},
    {"http://172.16.0.1/start", "172.16.0.1/start"},
    {"http://172.31.255.1/start", "172.31.255.1/start"},
    {"http://192.168.0.9/start", "192.168.0.9/start"},
    {"http://[::1]:7870/start", "[::1]:7870/start"},
    {"http://[fd00::1]/start", "[fd00::1]/start"},
    {"http://100.101.102.103:7860/start", "100.101.102.103:7860/start"},
    {"http://169.254.10.1:7860/start", "169.254.10.1:7860/start"},
    {"http://[fe80::1]:7860/start", "[fe80::1]:7860/start"},
    {"http://bot.localhost:7860/start", "bot.localhost:7860/start"},
    {"http://host.docker.internal:7860/start", "host.docker.internal:7860/start"},
    {"http://gateway.containers.internal:7860/start", "gateway.containers.internal:7860/start"},
    {"http://bot.voice.svc.cluster.local:7860/start", "bot.voice.svc.cluster.local:7860/start"},
    {"http://bot.railway.internal:7860/start", "bot.railway.internal:7860/start"},
    {"http://BOT.Internal:7860/start", "BOT.Internal:7860/start"},
    {"http://bot.voice:7860/start", "bot.voice:7860/start"},
    {"HTTPS://bot.example.com/start", "bot.example.com/start"},
    {"https://bot.example.com/start/", "bot.example.com/start/"},
    {"http://bot.voice.svc:7860/start", NULL},
    {"http://bot.flycast:7860/start", NULL},
    {"http://macbook.local:7860/start", NULL},
    {"http://bot.internal.example.com/start", NULL},
    {"http://0x08080808/start", NULL},
    {"http://134744072/start", NULL},
    {"http://01002004010/start", NULL},
    {"http://010.8.8.8/start", NULL},
    {"http://8.8/start", NULL},
    {"http://100.63.0.1/start", NULL},
    {"http://100.128.0.1/start", NULL},
    {"http://[::ffff:8.8.8.8]/start", NULL},
    {"http://172.32.0.1/start", NULL},
    {"http://8.8.8.8/start", NULL},
    {"http://bots.example.com/start", NULL},
    {"http://[2001:db8::1]/start", NULL},
    {"http://127.0.0.1.example.com/start", NULL},
    {"http://user@localhost/start", NULL},
    {"https://user:password@bots.example.com/start", NULL},
    {"ftp://bots.example.com/start", NULL},
    {"bots.example.com/start", NULL},
    {"https://", NULL},
    {"https:///start", NULL},
    {"http://[::1/start", NULL},
    {"https://bots.example.com/a b", NULL},
    {"file:///etc/passwd", NULL},
    {"", NULL},
};

static void takes_urls(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof URLS / sizeof URLS[0]; i++) {
        struct route route = {.allow_http = "*.svc.cluster.local, *.internal,bot.voice,*"};
        struct bytes problem;
        bytes_init(&problem, 1024);
        bool is_good = route_to_url(&route, URLS[i].url, "key", &problem);
        if (is_good != (URLS[i].agent != NULL)) {
            fail_msg("%s", URLS[i].url);
        }
        if (is_good) {
            assert_string_equal(route.agent, URLS[i].agent);
            assert_string_equal(route.start_url, URLS[i].url);
        } else {
            assert_true(problem.len > 0);
        }
        bytes_release(&problem);
    }
}

static void refuses_patterns_of_public_names(void **state)
{
    static const struct {
        const char *patterns, *named; // NULL: taken
        const char *host;             // that the first pattern would match
    } CASES[] = {
        {"*.svc.cluster.local", NULL, "a.svc.cluster.local"},
        {"*.internal", NULL, "a.internal"},
        {"*.HOME.arpa,*.lan , bot-*.corp", NULL, "a.home.arpa"},
        {"bot.example.com", NULL, "bot.example.com"},
        {"*.svc", NULL, "a.svc"},
        {"", NULL, NULL},
        {"*.com", "*.com", "a.com"},
        {"*.internal,*.co.uk", "*.co.uk", NULL},
        {"*.example.com", "*.example.com", "a.example.com"},
        {"*", "*", "example.com"},
        {"bot.*", "bot.*", "bot.com"},
        {"*internal", "*internal", "a.internal"},
        {"*.arpa", "*.arpa", "a.arpa"},
        {"*.local*", "*.local*", "a.localx"},
        {"*.internal.com", "*.internal.com", "a.internal.com"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct bytes problem;
        bytes_init(&problem, 1024);
        assert_int_equal(route_check_allow_http(CASES[i].patterns, &problem), !CASES[i].named);
        if (CASES[i].named) {
            assert_non_null(strstr(bytes_text(&problem), CASES[i].named));
        }
        if (CASES[i].host) {
            char url[256];
            struct route route = {.allow_http = CASES[i].patterns};
            snprintf(url, sizeof url, "http://%s/start", CASES[i].host);
            if (route_to_url(&route, url, NULL, &problem) != !CASES[i].named) {
                fail_msg("%s", CASES[i].patterns);
            }
        }
        bytes_release(&problem);
    }
}

// A path and a query may hold a secret. A user and a password are refused, however they are
// written, before anything is shown.
static void shows_no_secret_of_a_url(void **state)
{
    (void)state;
    static const struct {
        const char *url, *host, *without_query; // NULL: refused
    } CASES[] = {
        {"https://hooks.example.com/services/T0/SECRET", "hooks.example.com",
         "https://hooks.example.com/services/T0/SECRET"},
        {"https://crm.example.com:8443/look?key=SECRET", "crm.example.com:8443",
         "https://crm.example.com:8443/look"},
        {"https://example.com?key=SECRET", "example.com", "https://example.com"},
        {"https://example.com?key=a@b?c://d/e", "example.com", "https://example.com"},
        {"https://example.com#SECRET@x", "example.com", "https://example.com#SECRET@x"},
        {"https://example.com/a@b:c", "example.com", "https://example.com/a@b:c"},
        {"HTTPS://[2001:db8::1]:8443/x?y", "[2001:db8::1]:8443", "HTTPS://[2001:db8::1]:8443/x"},
        {"http://127.0.0.1:7870", "127.0.0.1:7870", "http://127.0.0.1:7870"},
        {"https://user:SECRET@example.com/x", NULL, NULL},
        {"https://SECRET@example.com", NULL, NULL},
        {"https://SECRET:a/b@example.com", NULL, NULL},
        {"https://example.com:0443/", "example.com:0443", "https://example.com:0443/"},
        {"https://example.com:/x", "example.com:", "https://example.com:/x"},
        {"https://example.com:65536/", NULL, NULL},
        {"https://example.com:-1/", NULL, NULL},
        {"https://example.com:99999999999999999999/", NULL, NULL},
        {"https://[::1]SECRET/", NULL, NULL},
        {"https://[::1", NULL, NULL},
        {"https://user:a\\SECRET@example.com", NULL, NULL},
        {"https://@example.com", NULL, NULL},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct bytes problem;
        bytes_init(&problem, 1024);
        bool is_taken = route_check_url(CASES[i].url, NULL, "alerts", "", &problem);
        if (is_taken != (CASES[i].host != NULL) || strstr(bytes_text(&problem), "SECRET")) {
            fail_msg("%s: %s", CASES[i].url, bytes_text(&problem));
        }
        if (is_taken &&
            (!view_equal_text(route_url_host(CASES[i].url), CASES[i].host) ||
             !view_equal_text(route_url_without_query(CASES[i].url), CASES[i].without_query))) {
            fail_msg("%s", CASES[i].url);
        }
        bytes_release(&problem);
    }
}

static void names_cloud_agents(void **state)
{
    (void)state;
    struct route route = {0};
    struct bytes problem;
    bytes_init(&problem, 1024);
    assert_true(route_to_cloud(&route, "my-agent_1.2", "key", &problem));
    assert_string_equal(route.start_url,
                        "https://api.pipecat.daily.co/v1/public/my-agent_1.2/start");
    assert_string_equal(route.agent, "my-agent_1.2");
    assert_false(route_to_cloud(&route, "a/b", "key", &problem));
    assert_false(route_to_cloud(&route, "", "key", &problem));
    assert_false(route_to_cloud(&route, "a?b", "key", &problem));
    bytes_release(&problem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_urls),
        cmocka_unit_test(refuses_patterns_of_public_names),
        cmocka_unit_test(shows_no_secret_of_a_url),
        cmocka_unit_test(names_cloud_agents),
    };
    return cmocka_run_group_tests_name("routes", tests, NULL, NULL);
}
