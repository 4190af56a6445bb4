// The server on a real loop with real sockets: what one sender may take of turns, memory and
// connections. The clients live in the same thread, between two runs of the loop.
#include "http_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CLIENTS_MAX 64
#define PATIENCE_MS 10000
#define BODY_BYTES 65536
#define BUSY_US 1000
#define PARKED_MAX 16
#define STRANGERS 60

struct fixture {
    struct loop *loop;
    struct loop_timer *timer;
    struct http_server *server;
    bool (*is_reached)(struct fixture *fixture);
    uint64_t until_ms;
    bool gave_up;
    unsigned heads, served;
    unsigned served_before; // when the last genuine request was whole
    int clients[CLIENTS_MAX];
    unsigned client_count;
    struct http_request *parked[PARKED_MAX];
    unsigned parked_count;
};

// --- the server ---------------------------------------------------------------------------------

static void answer_now(struct http_request *request, void *arg)
{
    struct fixture *fixture = arg;
    fixture->served++;
    http_reply(request, 200, VIEW("{}"), NULL);
}

static void count_head(struct http_request *request, void *arg)
{
    (void)request;
    ((struct fixture *)arg)->heads++;
}

static void answer_busily(struct http_request *request, void *arg)
{
    uint64_t until_us = loop_now_us() + BUSY_US;
    while (loop_now_us() < until_us) {
    }
    answer_now(request, arg);
}

static void answer_genuine(struct http_request *request, void *arg)
{
    struct fixture *fixture = arg;
    fixture->served_before = fixture->served;
    http_request_is_genuine(request);
    answer_now(request, arg);
}

static void park(struct http_request *request, void *arg)
{
    struct fixture *fixture = arg;
    assert_true(fixture->parked_count < PARKED_MAX);
    fixture->parked[fixture->parked_count++] = request;
}

static const struct http_route ROUTES[] = {
    {"GET", "/now", NULL, answer_now},          {"GET", "/busy", NULL, answer_busily},
    {"POST", "/body", count_head, answer_now},  {"GET", "/parked", NULL, park},
    {"POST", "/genuine", NULL, answer_genuine}, {NULL, NULL, NULL, NULL},
};

static void look(void *arg)
{
    struct fixture *fixture = arg;
    fixture->gave_up = loop_now_ms() > fixture->until_ms;
    if (fixture->gave_up || fixture->is_reached(fixture)) {
        loop_stop(fixture->loop);
    } else {
        loop_timer_start(fixture->timer, 1);
    }
}

// Runs the loop until it is so, and fails if it does not become so.
static void run_until(struct fixture *fixture, bool (*is_reached)(struct fixture *), uint64_t ms)
{
    fixture->is_reached = is_reached;
    fixture->until_ms = loop_now_ms() + ms;
    loop_timer_start(fixture->timer, 1);
    loop_run(fixture->loop);
    assert_false(fixture->gave_up);
}

static struct fixture *start(const struct http_server_options *wanted)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    struct http_server_options options = *wanted;
    assert_non_null(fixture);
    options.listen_addr = "127.0.0.1";
    options.routes = ROUTES;
    options.arg = fixture;
    options.body_bytes_max = BODY_BYTES;
    fixture->loop = loop_open();
    fixture->timer = loop_timer_open(fixture->loop, look, fixture);
    fixture->server = http_server_open(fixture->loop, &options);
    assert_non_null(fixture->server);
    return fixture;
}

static void stop(struct fixture *fixture)
{
    for (unsigned i = 0; i < fixture->parked_count; i++) {
        http_abort(fixture->parked[i]);
    }
    for (unsigned i = 0; i < fixture->client_count; i++) {
        close(fixture->clients[i]);
    }
    http_server_close(fixture->server);
    loop_timer_close(fixture->timer);
    loop_close(fixture->loop);
    free(fixture);
}

// --- the clients --------------------------------------------------------------------------------

static int connect_from(struct fixture *fixture, const char *source)
{
    struct sockaddr_in from = {.sin_family = AF_INET};
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(http_server_port(fixture->server)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0 && fixture->client_count < CLIENTS_MAX);
    assert_int_equal(inet_pton(AF_INET, source, &from.sin_addr), 1);
    assert_int_equal(bind(fd, (struct sockaddr *)(void *)&from, sizeof from), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)(void *)&to, sizeof to), 0);
    fixture->clients[fixture->client_count++] = fd;
    return fd;
}

static void send_text(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static void send_blanks(int fd, size_t len)
{
    static char blanks[BODY_BYTES];
    memset(blanks, ' ', sizeof blanks);
    assert_int_equal(send(fd, blanks, len, MSG_NOSIGNAL), len);
}

// What has come and was not read yet.
static const char *received(int fd)
{
    static char text[4096];
    ssize_t len = recv(fd, text, sizeof text - 1, MSG_DONTWAIT | MSG_PEEK);
    text[len > 0 ? len : 0] = '\0';
    return text;
}

static bool has_status(int fd, const char *status)
{
    return strstr(received(fd), status) == received(fd) + strlen("HTTP/1.1 ");
}

static bool all_are_answered(struct fixture *fixture)
{
    for (unsigned i = 0; i < fixture->client_count; i++) {
        if (!has_status(fixture->clients[i], "200")) {
            return false;
        }
    }
    return true;
}

// --- what is promised ---------------------------------------------------------------------------

static bool has_served(struct fixture *fixture)
{
    return fixture->served > 0;
}

// The timer stands for everything else that the loop has to do.
static void a_turn_is_bounded(void **state)
{
    (void)state;
    struct fixture *fixture =
        start(&(struct http_server_options){.connections_max = 100, .bodies_bytes_max = 1 << 20});
    for (unsigned i = 0; i < 10; i++) {
        int fd = connect_from(fixture, "127.0.0.1");
        for (unsigned j = 0; j < 200; j++) {
            send_text(fd, "GET /busy HTTP/1.1\r\nHost: x\r\n\r\n");
        }
    }
    run_until(fixture, has_served, PATIENCE_MS);
    assert_in_range(fixture->served, 1, 100);
    stop(fixture);
}

static bool a_stranger_is_refused(struct fixture *fixture)
{
    return has_status(fixture->clients[1], "503") || has_status(fixture->clients[2], "503");
}

static bool the_genuine_is_answered(struct fixture *fixture)
{
    return has_status(fixture->clients[0], "200");
}

static void bodies_have_a_budget(void **state)
{
    (void)state;
    char taken[4096];
    const char *begun = "POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n";
    struct fixture *fixture = start(
        &(struct http_server_options){.connections_max = 100, .bodies_bytes_max = 2 * BODY_BYTES});
    int genuine = connect_from(fixture, "127.0.0.2");
    send_text(genuine, "POST /genuine HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
    run_until(fixture, the_genuine_is_answered, PATIENCE_MS);
    assert_true(recv(genuine, taken, sizeof taken, 0) > 0);
    send_text(genuine, begun);
    send_blanks(genuine, 50000);
    for (unsigned i = 0; i < 2; i++) {
        int stranger = connect_from(fixture, "127.0.0.1");
        send_text(stranger, begun);
        send_blanks(stranger, 50000);
    }
    run_until(fixture, a_stranger_is_refused, PATIENCE_MS);
    assert_non_null(
        strstr(received(fixture->clients[has_status(fixture->clients[1], "503") ? 1 : 2]),
               "\"code\":\"busy\""));
    send_blanks(genuine, 10000);
    run_until(fixture, the_genuine_is_answered, PATIENCE_MS);
    stop(fixture);
}

static bool all_strangers_have_begun(struct fixture *fixture)
{
    return fixture->heads == STRANGERS;
}

// Every byte is there when the loop runs. The genuine body is read as it comes; those of strangers
// take turns, and are served too. Some strangers leave in the middle.
static void bodies_of_strangers_take_turns(void **state)
{
    (void)state;
    char taken[4096];
    struct fixture *fixture =
        start(&(struct http_server_options){.connections_max = 1000, .bodies_bytes_max = 64 << 20});
    int genuine = connect_from(fixture, "127.0.0.2");
    send_text(genuine, "POST /genuine HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
    run_until(fixture, the_genuine_is_answered, PATIENCE_MS);
    assert_true(recv(genuine, taken, sizeof taken, 0) > 0);
    for (unsigned i = 0; i < STRANGERS; i++) {
        send_text(connect_from(fixture, "127.0.0.1"),
                  "POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n");
    }
    run_until(fixture, all_strangers_have_begun, PATIENCE_MS);
    for (unsigned i = 1; i <= STRANGERS; i++) {
        send_blanks(fixture->clients[i], 60000);
    }
    send_text(genuine, "POST /genuine HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n");
    send_blanks(genuine, 60000);
    fixture->served = 0;
    run_until(fixture, the_genuine_is_answered, PATIENCE_MS);
    assert_in_range(fixture->served_before, 0, STRANGERS / 2);
    run_until(fixture, all_are_answered, PATIENCE_MS);
    for (unsigned i = 0; i < 3; i++) {
        int leaving = connect_from(fixture, "127.0.0.1");
        send_text(leaving, "POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n");
        send_blanks(leaving, 30000);
    }
    fixture->heads = STRANGERS - 3;
    run_until(fixture, all_strangers_have_begun, PATIENCE_MS);
    stop(fixture);
}

static bool six_are_parked(struct fixture *fixture)
{
    return fixture->parked_count == 6;
}

// Of ten connections four are idle and four silent. Those who come now do not wait for a deadline,
// the shortest of which is a second.
static void the_idle_make_room(void **state)
{
    (void)state;
    struct fixture *fixture =
        start(&(struct http_server_options){.connections_max = 10, .bodies_bytes_max = 1 << 20});
    for (unsigned i = 0; i < 4; i++) {
        send_text(connect_from(fixture, "127.0.0.1"), "GET /now HTTP/1.1\r\nHost: x\r\n\r\n");
    }
    run_until(fixture, all_are_answered, PATIENCE_MS);
    for (unsigned i = 0; i < 4; i++) {
        connect_from(fixture, "127.0.0.1");
    }
    for (unsigned i = 0; i < 6; i++) {
        send_text(connect_from(fixture, "127.0.0.1"), "GET /parked HTTP/1.1\r\nHost: x\r\n\r\n");
    }
    run_until(fixture, six_are_parked, 900);
    stop(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_turn_is_bounded),
        cmocka_unit_test(bodies_have_a_budget),
        cmocka_unit_test(bodies_of_strangers_take_turns),
        cmocka_unit_test(the_idle_make_room),
    };
    return cmocka_run_group_tests_name("http_server", tests, NULL, NULL);
}
