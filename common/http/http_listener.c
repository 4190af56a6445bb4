// See http_listener.h.
#include "http_listener.h"

#include "http_connection.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

int http_listener_open(const char *listen_addr, uint16_t port)
{
    const int yes = 1, no = 0;
    struct sockaddr_storage address;
    if (!http_connection_address(listen_addr, port, &address)) {
        errno = EADDRNOTAVAIL;
        return -1;
    }
    bool is_ip6 = address.ss_family == AF_INET6;
    socklen_t len = is_ip6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if ((is_ip6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no) != 0) ||
        bind(fd, (const struct sockaddr *)&address, len) != 0 ||
        listen(fd, HTTP_LISTENER_BACKLOG) != 0) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

uint16_t http_listener_port(int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in ip4;
        struct sockaddr_in6 ip6;
    } address = {.ip4 = {0}};
    socklen_t len = sizeof address;
    getsockname(fd, &address.any, &len);
    return ntohs(address.any.sa_family == AF_INET6 ? address.ip6.sin6_port : address.ip4.sin_port);
}
