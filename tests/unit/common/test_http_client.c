#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "http_client.h"
#include "http_client_queue.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define REQUESTS 200
#define TIMEOUT_MS 60000

struct fixture {
    struct loop *loop;
    unsigned open, most_at_once, answers;
    int listener, served; // of which one connection gets an answer
    struct loop_watch *watch;
    enum http_outcome outcome;
    unsigned status;
};

static unsigned open_descriptors(void)
{
    unsigned count = 0;
    DIR *folder = opendir("/proc/self/fd");
    assert_non_null(folder);
    while (readdir(folder)) {
        count++;
    }
    closedir(folder);
    return count;
}

static void at_turns_end(void *arg)
{
    struct fixture *fixture = arg;
    const unsigned open = open_descriptors();
    const unsigned more = open > fixture->open ? open - fixture->open : 0;
    fixture->most_at_once = more > fixture->most_at_once ? more : fixture->most_at_once;
    fixture->open = open;
}

static void stop(void *arg)
{
    struct fixture *fixture = arg;
    loop_stop(fixture->loop);
}

static void on_answer(const struct http_answer *answer, void *arg)
{
    (void)answer;
    struct fixture *fixture = arg;
    fixture->answers++;
}

// The kernel takes the connections; nobody answers.
static int listen_somewhere(char *url, size_t size)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(fd, REQUESTS), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    snprintf(url, size, "http://127.0.0.1:%d/", ntohs(address.sin_port));
    return fd;
}

static void few_connections_begin_in_a_turn(void **state)
{
    (void)state;
    char url[64];
    const struct http_client_settings settings = {.connections_max = REQUESTS,
                                                  .connect_timeout_ms = TIMEOUT_MS};
    struct fixture fixture = {.loop = loop_open()};
    const int listener = listen_somewhere(url, sizeof url);
    struct http_client *client = http_client_open(fixture.loop, &settings);
    struct loop_hook *hook = loop_before_sleep(fixture.loop, at_turns_end, &fixture);
    struct loop_timer *end = loop_timer_open(fixture.loop, stop, &fixture);
    const struct http_post post = {.url = url, .body = VIEW("{}"), .timeout_ms = TIMEOUT_MS};
    for (unsigned i = 0; i < REQUESTS; i++) {
        http_client_post(client, &post, on_answer, &fixture);
    }
    fixture.open = open_descriptors();
    const unsigned before = fixture.open;
    while (fixture.open < before + REQUESTS) {
        loop_timer_start(end, 1);
        loop_run(fixture.loop);
    }
    assert_in_range(fixture.most_at_once, 1, 2 * HTTP_BEGIN_PER_TURN);
    http_client_close(client);
    assert_int_equal(fixture.answers, REQUESTS);
    loop_timer_close(end);
    loop_hook_close(hook);
    close(listener);
    loop_close(fixture.loop);
}

static void note_answer(const struct http_answer *answer, void *arg)
{
    struct fixture *fixture = arg;
    fixture->outcome = answer->outcome;
    fixture->status = answer->status;
    fixture->answers++;
    loop_stop(fixture->loop);
}

static void answer_one(int events, void *arg)
{
    static const char OK[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    (void)events;
    struct fixture *fixture = arg;
    char request[4096];
    assert_true(read(fixture->served, request, sizeof request) > 0);
    assert_int_equal(write(fixture->served, OK, sizeof OK - 1), sizeof OK - 1);
    loop_watch_close(fixture->watch);
}

static void accept_one(int events, void *arg)
{
    (void)events;
    struct fixture *fixture = arg;
    fixture->served = accept(fixture->listener, NULL, NULL);
    assert_true(fixture->served >= 0);
    loop_watch_close(fixture->watch);
    fixture->watch = loop_watch_open(fixture->loop, fixture->served, answer_one, fixture);
    loop_watch_set(fixture->watch, LOOP_READABLE);
}

// Its handle is that of a request that was answered.
static void a_request_that_never_began_is_not_answered(void **state)
{
    (void)state;
    char url[64];
    const struct http_client_settings settings = {.connections_max = REQUESTS,
                                                  .connect_timeout_ms = TIMEOUT_MS};
    struct fixture fixture = {.loop = loop_open()};
    fixture.listener = listen_somewhere(url, sizeof url);
    struct http_client *client = http_client_open(fixture.loop, &settings);
    fixture.watch = loop_watch_open(fixture.loop, fixture.listener, accept_one, &fixture);
    loop_watch_set(fixture.watch, LOOP_READABLE);
    const struct http_post post = {.url = url, .body = VIEW("{}"), .timeout_ms = TIMEOUT_MS};
    http_client_post(client, &post, note_answer, &fixture);
    loop_run(fixture.loop);
    assert_int_equal(fixture.outcome, HTTP_ANSWERED);
    assert_int_equal(fixture.status, 200);
    http_client_post(client, &post, note_answer, &fixture);
    http_client_close(client);
    assert_int_equal(fixture.answers, 2);
    assert_int_equal(fixture.outcome, HTTP_NOT_SENT);
    assert_int_equal(fixture.status, 0);
    close(fixture.served);
    close(fixture.listener);
    loop_close(fixture.loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(few_connections_begin_in_a_turn),
        cmocka_unit_test(a_request_that_never_began_is_not_answered),
    };
    return cmocka_run_group_tests_name("http_client", tests, NULL, NULL);
}
