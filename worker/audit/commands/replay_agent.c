// See replay_agent.h. All addresses of the name are tried at once; one that accepts is enough.
#include "replay_agent.h"

#include "loop.h"
#include "screen.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define ADDRESSES_MAX 16

struct attempts {
    struct pollfd sockets[ADDRESSES_MAX];
    size_t count;
    int error; // of the last one that failed
};

// Host and port of host[:port]/path, as a route's agent has them.
static void split(const struct route *route, char host[ROUTE_AGENT_BYTES_MAX + 1],
                  char port[ROUTE_AGENT_BYTES_MAX + 1])
{
    bool is_bracketed = route->agent[0] == '[';
    const char *begin = route->agent + is_bracketed;
    size_t len = strcspn(begin, is_bracketed ? "]" : ":/");
    const char *rest = begin + len + (begin[len] == ']');
    bool is_plain = !strncasecmp(route->start_url, "http:", 5);
    snprintf(host, ROUTE_AGENT_BYTES_MAX + 1, "%.*s", (int)len, begin);
    if (*rest == ':') {
        snprintf(port, ROUTE_AGENT_BYTES_MAX + 1, "%.*s", (int)strcspn(rest + 1, "/"), rest + 1);
    } else {
        snprintf(port, ROUTE_AGENT_BYTES_MAX + 1, "%s", is_plain ? "80" : "443");
    }
}

// Returns true if it is connected already.
static bool begin(struct attempts *attempts, const struct addrinfo *address)
{
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        attempts->error = errno;
        return false;
    }
    bool is_connected = connect(fd, address->ai_addr, address->ai_addrlen) == 0;
    if (is_connected || errno != EINPROGRESS) {
        attempts->error = is_connected ? 0 : errno;
        close(fd);
        return is_connected;
    }
    attempts->sockets[attempts->count++] = (struct pollfd){.fd = fd, .events = POLLOUT};
    return false;
}

// Looks at the sockets that are ready; those that failed are not looked at again.
static bool has_connected(struct attempts *attempts, size_t *open)
{
    *open = 0;
    for (size_t i = 0; i < attempts->count; i++) {
        struct pollfd *socket = &attempts->sockets[i];
        int error = 0;
        socklen_t len = sizeof error;
        if (socket->fd >= 0 && socket->revents) {
            getsockopt(socket->fd, SOL_SOCKET, SO_ERROR, &error, &len);
            if (error == 0) {
                return true;
            }
            attempts->error = error;
            close(socket->fd);
            socket->fd = -1;
        }
        *open += socket->fd >= 0;
    }
    return false;
}

static bool wait_for_one(struct attempts *attempts)
{
    uint64_t end_ms = loop_now_ms() + REPLAY_AGENT_WAIT_MS;
    size_t open = attempts->count;
    bool is_connected = false;
    while (!is_connected && open > 0) {
        uint64_t now_ms = loop_now_ms();
        if (now_ms >= end_ms) {
            attempts->error = ETIMEDOUT;
            break;
        }
        poll(attempts->sockets, attempts->count, (int)(end_ms - now_ms));
        is_connected = has_connected(attempts, &open);
    }
    return is_connected;
}

bool replay_agent_is_there(const struct route *route)
{
    char host[ROUTE_AGENT_BYTES_MAX + 1], port[ROUTE_AGENT_BYTES_MAX + 1];
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *addresses = NULL;
    struct attempts attempts = {.error = 0};
    split(route, host, port);
    int code = getaddrinfo(host, port, &hints, &addresses);
    bool is_there = false;
    for (const struct addrinfo *address = addresses;
         !is_there && address && attempts.count < ADDRESSES_MAX; address = address->ai_next) {
        is_there = begin(&attempts, address);
    }
    is_there = is_there || wait_for_one(&attempts);
    for (size_t i = 0; i < attempts.count; i++) {
        if (attempts.sockets[i].fd >= 0) {
            close(attempts.sockets[i].fd);
        }
    }
    if (addresses) {
        freeaddrinfo(addresses);
    }
    if (!is_there) {
        screen_complain("the agent at %s cannot be reached (%s): start it, or check "
                        "--to",
                        route->start_url, code ? gai_strerror(code) : strerror(attempts.error));
    }
    return is_there;
}
