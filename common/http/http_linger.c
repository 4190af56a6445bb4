// A fixed table: each place holds a socket until the other side closes it, or time or bytes run
// out.
#include "http_linger.h"

#include "memory.h"

#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct place {
    struct loop_watch *watch; // NULL: the place is free
    struct loop_timer *timer;
    int fd;
    size_t discarded_bytes;
};

struct http_linger {
    struct loop *loop;
    struct place places[HTTP_LINGER_MAX];
};

struct http_linger *http_linger_open(struct loop *loop)
{
    struct http_linger *linger = memory_zeroed(sizeof *linger);
    linger->loop = loop;
    return linger;
}

static void let_go(void *arg)
{
    struct place *place = arg;
    loop_watch_close(place->watch);
    loop_timer_close(place->timer);
    close(place->fd);
    place->watch = NULL;
}

static void discard(int events, void *arg)
{
    (void)events;
    struct place *place = arg;
    char buffer[16 * 1024];
    ssize_t len = recv(place->fd, buffer, sizeof buffer, MSG_DONTWAIT);
    place->discarded_bytes += len > 0 ? (size_t)len : 0;
    if (len <= 0 || place->discarded_bytes > HTTP_LINGER_BYTES_MAX) {
        let_go(place);
    }
}

void http_linger_take(struct http_linger *linger, int fd)
{
    for (size_t i = 0; i < HTTP_LINGER_MAX; i++) {
        struct place *place = &linger->places[i];
        if (place->watch) {
            continue;
        }
        int copy = dup(fd);
        if (copy < 0) {
            return;
        }
        shutdown(copy, SHUT_WR);
        *place = (struct place){.fd = copy};
        place->watch = loop_watch_open(linger->loop, copy, discard, place);
        place->timer = loop_timer_open(linger->loop, let_go, place);
        loop_watch_set(place->watch, LOOP_READABLE);
        loop_timer_start(place->timer, HTTP_LINGER_MS);
        return;
    }
}

void http_linger_close(struct http_linger *linger)
{
    for (size_t i = 0; i < HTTP_LINGER_MAX; i++) {
        if (linger->places[i].watch) {
            let_go(&linger->places[i]);
        }
    }
    free(linger);
}
