// A fixed table: each place holds a socket until the other side closes it, or time or bytes run
// out.
#include "http_linger.h"

#include "memory.h"

#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct slot {
    struct loop_watch *watch; // NULL: the place is free
    struct loop_timer *timer;
    int fd;
    size_t discarded_bytes;
};

struct http_linger {
    struct loop *loop;
    struct slot slots[HTTP_LINGER_MAX];
};

struct http_linger *http_linger_open(struct loop *loop)
{
    struct http_linger *linger = memory_zeroed(sizeof *linger);
    linger->loop = loop;
    return linger;
}

static void release(void *arg)
{
    struct slot *slot = arg;
    loop_watch_close(slot->watch);
    loop_timer_close(slot->timer);
    close(slot->fd);
    slot->watch = NULL;
}

static void discard(int events, void *arg)
{
    (void)events;
    struct slot *slot = arg;
    char buffer[16 * 1024];
    ssize_t len = recv(slot->fd, buffer, sizeof buffer, MSG_DONTWAIT);
    slot->discarded_bytes += len > 0 ? (size_t)len : 0;
    if (len <= 0 || slot->discarded_bytes > HTTP_LINGER_BYTES_MAX) {
        release(slot);
    }
}

void http_linger_take(struct http_linger *linger, int fd)
{
    for (size_t i = 0; i < HTTP_LINGER_MAX; i++) {
        struct slot *slot = &linger->slots[i];
        if (slot->watch) {
            continue;
        }
        int copy = dup(fd);
        if (copy < 0) {
            return;
        }
        shutdown(copy, SHUT_WR);
        *slot = (struct slot){.fd = copy};
        slot->watch = loop_watch_open(linger->loop, copy, discard, slot);
        slot->timer = loop_timer_open(linger->loop, release, slot);
        loop_watch_set(slot->watch, LOOP_READABLE);
        loop_timer_start(slot->timer, HTTP_LINGER_MS);
        return;
    }
}

void http_linger_close(struct http_linger *linger)
{
    for (size_t i = 0; i < HTTP_LINGER_MAX; i++) {
        if (linger->slots[i].watch) {
            release(&linger->slots[i]);
        }
    }
    free(linger);
}
