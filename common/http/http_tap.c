// See http_tap.h. The tap is the thread's own: libuv's threads read too.
#include "http_tap.h"

#include <sys/socket.h>

static _Thread_local struct {
    http_on_bytes *on_bytes; // NULL: no tap is set
    void *arg;
} tap;

void http_tap_set(http_on_bytes *on_bytes, void *arg)
{
    tap.on_bytes = on_bytes;
    tap.arg = arg;
}

void http_tap_remove(void)
{
    tap.on_bytes = NULL;
}

ssize_t recv(int fd, void *buffer, size_t size, int flags)
{
    ssize_t len = recvfrom(fd, buffer, size, flags, NULL, NULL);
    if (tap.on_bytes && len > 0 && !(flags & MSG_PEEK)) {
        tap.on_bytes(fd, buffer, (size_t)len, tap.arg);
    }
    return len;
}
