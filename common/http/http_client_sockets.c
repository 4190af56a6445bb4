// An epoll descriptor of its own, which the loop watches. Every change is made at once, so that the
// kernel's refusal reaches the caller (libuv makes it later, and aborts if it fails). Events are
// fetched one at a time: each is true when it is handed on, even if an earlier one closed a socket.
//
// A turn of the loop serves sockets for HTTP_SOCKETS_TURN_US. epoll puts a socket that stays ready
// at the end of its queue, so each has its turn; Redis, timers and leases are served in between.
#include "http_client_sockets.h"

#include "log.h"
#include "memory.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define NUMBERS_AT_FIRST 64

struct http_sockets {
    struct loop_watch *watch;
    int epoll_fd;
    uint64_t unacknowledged_ms;
    http_on_socket *on_socket;
    void *arg;
    bool *is_watched; // by descriptor
    size_t numbers;   // elements of is_watched
};

static void serve(int events, void *arg)
{
    (void)events;
    struct http_sockets *sockets = arg;
    const uint64_t until_us = loop_now_us() + HTTP_SOCKETS_TURN_US;
    do {
        struct epoll_event event;
        if (epoll_wait(sockets->epoll_fd, &event, 1, 0) != 1) {
            return;
        }
        bool is_broken = event.events & (EPOLLERR | EPOLLHUP);
        int ready = 0;
        ready |= is_broken || event.events & (EPOLLIN | EPOLLRDHUP) ? LOOP_READABLE : 0;
        ready |= is_broken || event.events & EPOLLOUT ? LOOP_WRITABLE : 0;
        sockets->on_socket(event.data.fd, ready, sockets->arg);
    } while (loop_now_us() < until_us);
}

bool http_sockets_are_ready(const struct http_sockets *sockets)
{
    struct pollfd poll_fd = {.fd = sockets->epoll_fd, .events = POLLIN};
    return poll(&poll_fd, 1, 0) > 0;
}

struct http_sockets *http_sockets_open(struct loop *loop, uint64_t unacknowledged_ms,
                                       http_on_socket *on_socket, void *arg)
{
    int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_fd < 0) {
        return NULL;
    }
    struct http_sockets *sockets = memory_zeroed(sizeof *sockets);
    sockets->epoll_fd = epoll_fd;
    sockets->unacknowledged_ms = unacknowledged_ms;
    sockets->on_socket = on_socket;
    sockets->arg = arg;
    sockets->watch = loop_watch_open(loop, epoll_fd, serve, sockets);
    loop_watch_set(sockets->watch, LOOP_READABLE);
    return sockets;
}

void http_sockets_close(struct http_sockets *sockets)
{
    loop_watch_close(sockets->watch);
    close(sockets->epoll_fd);
    free(sockets->is_watched);
    free(sockets);
}

bool http_sockets_is_watched(const struct http_sockets *sockets, int fd)
{
    return (size_t)fd < sockets->numbers && sockets->is_watched[fd];
}

static void mark_watched(struct http_sockets *sockets, int fd)
{
    size_t numbers = sockets->numbers > 0 ? sockets->numbers : NUMBERS_AT_FIRST;
    while (numbers <= (size_t)fd) {
        numbers *= 2;
    }
    if (numbers > sockets->numbers) {
        sockets->is_watched = memory_resized(sockets->is_watched, numbers * sizeof(bool));
        memset(sockets->is_watched + sockets->numbers, 0,
               (numbers - sockets->numbers) * sizeof(bool));
        sockets->numbers = numbers;
    }
    sockets->is_watched[fd] = true;
}

// The same socket under a number that is not watched, if its own still is.
static int renumber(const struct http_sockets *sockets, int fd)
{
    int number = fd;
    while (number >= 0 && http_sockets_is_watched(sockets, number)) {
        int next = fcntl(fd, F_DUPFD_CLOEXEC, number + 1);
        if (number != fd) {
            close(number);
        }
        number = next;
    }
    if (number != fd) {
        close(fd);
    }
    return number;
}

void http_sockets_may_linger(int fd, bool may_linger)
{
    const struct linger linger = {.l_onoff = !may_linger, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
}

int http_sockets_new(struct http_sockets *sockets, int family, int type, int protocol)
{
    int fd = socket(family, type | SOCK_CLOEXEC, protocol);
    if (fd >= 0) {
        fd = renumber(sockets, fd);
    }
    if (fd < 0) {
        return -1;
    }
    const unsigned patience_ms = (unsigned)sockets->unacknowledged_ms;
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &patience_ms, sizeof patience_ms);
    http_sockets_may_linger(fd, false);
    return fd;
}

bool http_sockets_watch(struct http_sockets *sockets, int fd, int events)
{
    struct epoll_event event = {.data.fd = fd};
    event.events |= events & LOOP_READABLE ? (uint32_t)EPOLLIN | (uint32_t)EPOLLRDHUP : 0U;
    event.events |= events & LOOP_WRITABLE ? (uint32_t)EPOLLOUT : 0U;
    int change = http_sockets_is_watched(sockets, fd) ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    int failed = epoll_ctl(sockets->epoll_fd, change, fd, &event);
    if (failed && change == EPOLL_CTL_MOD && errno == ENOENT) { // closed, and its number used again
        failed = epoll_ctl(sockets->epoll_fd, EPOLL_CTL_ADD, fd, &event);
    }
    if (failed) {
        log_error("the kernel refuses to watch a connection; its request fails",
                  log_text("error", strerror(errno)));
        http_sockets_forget(sockets, fd);
        return false;
    }
    mark_watched(sockets, fd);
    return true;
}

void http_sockets_forget(struct http_sockets *sockets, int fd)
{
    if (http_sockets_is_watched(sockets, fd)) {
        epoll_ctl(sockets->epoll_fd, EPOLL_CTL_DEL, fd, NULL); // fails if it was closed: as well
        sockets->is_watched[fd] = false;
    }
}
