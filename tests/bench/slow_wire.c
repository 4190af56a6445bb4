// A wire of a given length between a client and a server of this machine: every byte arrives
// DELAY_MS later, each way. The first bytes of a connection come two delays later still, for the
// round trip of TCP's handshake, which a relay cannot delay. The wire is as wide as one likes.
//
// slow_wire LISTEN_PORT SERVER_PORT DELAY_MS
#include "loop.h"
#include "memory.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define PIECE_BYTES_MAX 16384
#define EVENTS_MAX 512
#define BACKLOG 4096
#define US_PER_MS 1000
#define NS_PER_US 1000
#define US_PER_S 1000000

struct connection;

struct end {
    int fd;
    struct connection *connection;
    bool has_ended; // it sends no more
};

struct connection {
    struct end client, server;
    unsigned on_the_wire; // pieces
    bool is_first;        // nothing has come yet
    bool is_broken;
};

// Bytes on their way, or, without any, the end of what comes.
struct piece {
    struct piece *next;
    struct end *to;
    uint64_t due_us;
    size_t len;
    char data[];
};

struct queue {
    struct piece *first, *last; // in order: each piece of a queue takes as long
};

struct wire {
    int epoll_fd, listener;
    uint16_t server_port;
    uint64_t delay_us;
    struct queue pieces, first_pieces;
};

_Noreturn static void fail(const char *what)
{
    fprintf(stderr, "slow-wire: %s: %s\n", what, strerror(errno));
    exit(1);
}

static struct end *other_end(const struct end *end)
{
    struct connection *connection = end->connection;
    return end == &connection->client ? &connection->server : &connection->client;
}

// Nothing more comes from either side, and nothing is on its way.
static void close_if_over(struct connection *connection)
{
    if (connection->on_the_wire == 0 && connection->client.has_ended &&
        connection->server.has_ended) {
        close(connection->client.fd);
        close(connection->server.fd);
        free(connection);
    }
}

static void deliver(struct piece *piece)
{
    struct connection *connection = piece->to->connection;
    connection->on_the_wire--;
    if (piece->len == 0) {
        shutdown(piece->to->fd, SHUT_WR);
    } else if (!connection->is_broken &&
               send(piece->to->fd, piece->data, piece->len, MSG_NOSIGNAL) != (ssize_t)piece->len) {
        connection->is_broken = true;
        shutdown(connection->client.fd, SHUT_RDWR);
        shutdown(connection->server.fd, SHUT_RDWR);
    }
    free(piece);
    close_if_over(connection);
}

// Returns when the next piece is due, UINT64_MAX if the queue is empty.
static uint64_t deliver_what_is_due(struct queue *queue)
{
    while (queue->first && queue->first->due_us <= loop_now_us()) {
        struct piece *piece = queue->first;
        queue->first = piece->next;
        deliver(piece);
    }
    return queue->first ? queue->first->due_us : UINT64_MAX;
}

static void put_on_the_wire(struct wire *wire, struct end *from, const char *data, size_t len)
{
    struct connection *connection = from->connection;
    bool is_first = connection->is_first;
    struct queue *queue = is_first ? &wire->first_pieces : &wire->pieces;
    struct piece *piece = memory_zeroed(sizeof *piece + len);
    piece->to = other_end(from);
    piece->due_us = loop_now_us() + wire->delay_us * (is_first ? 3 : 1);
    piece->len = len;
    if (len > 0) {
        memcpy(piece->data, data, len);
    }
    *(queue->first ? &queue->last->next : &queue->first) = piece;
    queue->last = piece;
    connection->on_the_wire++;
    connection->is_first = false;
}

static void take(struct wire *wire, struct end *from)
{
    char data[PIECE_BYTES_MAX];
    ssize_t got = recv(from->fd, data, sizeof data, MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN) {
        return;
    }
    if (got <= 0) {
        epoll_ctl(wire->epoll_fd, EPOLL_CTL_DEL, from->fd, NULL);
        from->has_ended = true;
    }
    put_on_the_wire(wire, from, data, got > 0 ? (size_t)got : 0);
}

static int connect_to(uint16_t port)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof address) < 0) {
        fail("the server");
    }
    return fd;
}

static void open_end(const struct wire *wire, struct connection *connection, struct end *end,
                     int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = end};
    int one = 1;
    *end = (struct end){.fd = fd, .connection = connection};
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) < 0 ||
        epoll_ctl(wire->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0) {
        fail("a new connection");
    }
}

static void take_connections(const struct wire *wire)
{
    int fd = -1;
    while ((fd = accept4(wire->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
        struct connection *connection = memory_zeroed(sizeof *connection);
        connection->is_first = true;
        open_end(wire, connection, &connection->client, fd);
        open_end(wire, connection, &connection->server, connect_to(wire->server_port));
    }
}

static void listen_at(struct wire *wire, uint16_t port)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct epoll_event event = {.events = EPOLLIN};
    int one = 1;
    wire->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (wire->listener < 0 ||
        setsockopt(wire->listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) < 0 ||
        bind(wire->listener, (const struct sockaddr *)&address, sizeof address) < 0 ||
        listen(wire->listener, BACKLOG) < 0 ||
        epoll_ctl(wire->epoll_fd, EPOLL_CTL_ADD, wire->listener, &event) < 0) {
        fail("listening");
    }
}

static void turn(struct wire *wire)
{
    struct epoll_event events[EVENTS_MAX];
    uint64_t next_us = deliver_what_is_due(&wire->pieces);
    uint64_t next_first_us = deliver_what_is_due(&wire->first_pieces);
    uint64_t due_us = next_us < next_first_us ? next_us : next_first_us;
    uint64_t now_us = loop_now_us();
    uint64_t left_us = due_us > now_us ? due_us - now_us : 0;
    left_us = left_us < US_PER_S ? left_us : US_PER_S;
    const struct timespec timeout = {.tv_sec = (time_t)(left_us / US_PER_S),
                                     .tv_nsec = (long)(left_us % US_PER_S) * NS_PER_US};
    int count = epoll_pwait2(wire->epoll_fd, events, EVENTS_MAX, &timeout, NULL);
    for (int i = 0; i < count; i++) {
        if (events[i].data.ptr) {
            take(wire, events[i].data.ptr);
        } else {
            take_connections(wire);
        }
    }
}

int main(int argc, char **argv)
{
    struct wire wire = {0};
    if (argc != 4) {
        fprintf(stderr, "slow-wire LISTEN_PORT SERVER_PORT DELAY_MS\n");
        return 2;
    }
    wire.server_port = (uint16_t)strtoul(argv[2], NULL, 10);
    wire.delay_us = strtoull(argv[3], NULL, 10) * US_PER_MS;
    wire.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    listen_at(&wire, (uint16_t)strtoul(argv[1], NULL, 10));
    for (;;) {
        turn(&wire);
    }
}
