// See http_connection.h.
#include "http_connection.h"

#include "loop.h"
#include "memory.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

bool http_connection_address(const char *text, uint16_t port, struct sockaddr_storage *out)
{
    struct sockaddr_in *ip4 = (struct sockaddr_in *)(void *)out;
    struct sockaddr_in6 *ip6 = (struct sockaddr_in6 *)(void *)out;
    memset(out, 0, sizeof *out);
    if (inet_pton(AF_INET, text, &ip4->sin_addr) == 1) {
        ip4->sin_family = AF_INET;
        ip4->sin_port = htons(port);
        return true;
    }
    if (inet_pton(AF_INET6, text, &ip6->sin6_addr) == 1) {
        ip6->sin6_family = AF_INET6;
        ip6->sin6_port = htons(port);
        return true;
    }
    return false;
}

void http_connection_peer(const struct sockaddr *address, char out[INET6_ADDRSTRLEN])
{
    out[0] = '\0';
    if (address && address->sa_family == AF_INET) {
        const struct sockaddr_in *ip4 = (const struct sockaddr_in *)(const void *)address;
        inet_ntop(AF_INET, &ip4->sin_addr, out, INET6_ADDRSTRLEN);
    } else if (address && address->sa_family == AF_INET6) {
        const struct in6_addr *ip6 =
            &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
        if (IN6_IS_ADDR_V4MAPPED(ip6)) {
            inet_ntop(AF_INET, &ip6->s6_addr[12], out, INET6_ADDRSTRLEN);
        } else {
            inet_ntop(AF_INET6, ip6, out, INET6_ADDRSTRLEN);
        }
    }
}

struct http_connection *http_connection_new(int fd, const struct sockaddr *peer)
{
    struct http_connection *connection = memory_zeroed(sizeof *connection);
    connection->fd = fd;
    connection->queue = HTTP_QUEUE_NONE;
    http_raw_init(&connection->raw);
    http_connection_peer(peer, connection->peer);
    return connection;
}

void http_connection_free(struct http_connection *connection)
{
    http_raw_release(&connection->raw);
    free(connection);
}

void http_connection_move(struct http_queues *queues, struct http_connection *connection,
                          enum http_queue_name to)
{
    enum http_queue_name from = connection->queue;
    if (from != HTTP_QUEUE_NONE) {
        *(connection->previous ? &connection->previous->next : &queues->queue[from].oldest) =
            connection->next;
        *(connection->next ? &connection->next->previous : &queues->queue[from].newest) =
            connection->previous;
    }
    if (from != HTTP_QUEUE_NONE) {
        queues->queue[from].count--;
    }
    connection->queue = to;
    connection->next = connection->previous = NULL;
    if (to != HTTP_QUEUE_NONE) {
        struct http_connection *newest = queues->queue[to].newest;
        connection->since_ms = loop_now_ms();
        connection->previous = newest;
        *(newest ? &newest->next : &queues->queue[to].oldest) = connection;
        queues->queue[to].newest = connection;
        queues->queue[to].count++;
    }
}

struct http_connection *http_connection_late(const struct http_queues *queues,
                                             enum http_queue_name name, uint64_t limit_ms)
{
    struct http_connection *oldest = queues->queue[name].oldest;
    return oldest && loop_now_ms() - oldest->since_ms > limit_ms ? oldest : NULL;
}
