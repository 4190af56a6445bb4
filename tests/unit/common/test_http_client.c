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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(few_connections_begin_in_a_turn),
    };
    return cmocka_run_group_tests_name("http_client", tests, NULL, NULL);
}
