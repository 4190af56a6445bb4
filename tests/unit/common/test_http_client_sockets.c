// The numbers of sockets and their watches, if libcurl closes a socket without a word, as 7.88 does
// with one that never connected.
#include "http_client_sockets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

struct fixture {
    struct loop *loop;
    struct http_sockets *sockets;
    struct loop_timer *patience;
    int ready_fd; // -1: none yet
};

static void on_socket(int fd, int events, void *arg)
{
    (void)events;
    struct fixture *fixture = arg;
    fixture->ready_fd = fd;
    loop_stop(fixture->loop);
}

static void give_up(void *arg)
{
    loop_stop(((struct fixture *)arg)->loop);
}

static int set_up(void **state)
{
    static struct fixture fixture;
    fixture.loop = loop_open();
    fixture.ready_fd = -1;
    fixture.patience = loop_timer_open(fixture.loop, give_up, &fixture);
    fixture.sockets = http_sockets_open(fixture.loop, 1000, on_socket, &fixture);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    http_sockets_close(fixture->sockets);
    loop_timer_close(fixture->patience);
    loop_close(fixture->loop);
    return 0;
}

static int open_one(struct fixture *fixture)
{
    int fd = http_sockets_new(fixture->sockets, AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    return fd;
}

static void a_watched_number_is_not_given_again(void **state)
{
    struct fixture *fixture = *state;
    int first = open_one(fixture);
    assert_true(http_sockets_watch(fixture->sockets, first, LOOP_WRITABLE));
    close(first); // unseen: the number is free for the kernel, and still watched for libcurl
    int second = open_one(fixture);
    assert_int_not_equal(second, first);
    assert_true(http_sockets_watch(fixture->sockets, second, LOOP_WRITABLE));
    close(second);
    int third = open_one(fixture);
    assert_true(third != first && third != second);
    http_sockets_forget(fixture->sockets, first);
    int fourth = open_one(fixture);
    assert_int_equal(fourth, first);
    close(third);
    close(fourth);
}

// A number that something else has closed and opened is watched as the new one.
static void the_socket_of_a_number_is_watched(void **state)
{
    struct fixture *fixture = *state;
    int first = open_one(fixture);
    assert_true(http_sockets_watch(fixture->sockets, first, LOOP_READABLE));
    close(first);
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_int_equal(pair[0], first);
    assert_true(http_sockets_watch(fixture->sockets, pair[0], LOOP_READABLE));
    assert_int_equal(write(pair[1], "x", 1), 1);
    loop_timer_start(fixture->patience, 10000);
    loop_run(fixture->loop);
    assert_int_equal(fixture->ready_fd, pair[0]);
    http_sockets_forget(fixture->sockets, pair[0]);
    close(pair[0]);
    close(pair[1]);
}

static void what_is_no_socket_is_not_watched(void **state)
{
    struct fixture *fixture = *state;
    int fd = open_one(fixture);
    close(fd);
    assert_false(http_sockets_watch(fixture->sockets, fd, LOOP_READABLE));
    assert_false(http_sockets_is_watched(fixture->sockets, fd));
}

// Closed with something unsent, it is reset, and the kernel delivers nothing.
static void a_socket_does_not_linger_unless_told(void **state)
{
    struct fixture *fixture = *state;
    struct linger linger = {0};
    socklen_t len = sizeof linger;
    int fd = open_one(fixture);
    assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &len), 0);
    assert_true(linger.l_onoff && linger.l_linger == 0);
    http_sockets_may_linger(fd, true);
    assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &len), 0);
    assert_false(linger.l_onoff);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_watched_number_is_not_given_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_socket_of_a_number_is_watched, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_socket_is_not_watched, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_socket_does_not_linger_unless_told, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("http_client_sockets", tests, NULL, NULL);
}
