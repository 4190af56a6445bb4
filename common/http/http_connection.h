// The connections of an http_server, in queues by what they owe us: `receiving` ones (opened, or
// the first line of a request has come) and `idle` ones (between two requests). Each queue is in
// order of time, so that its head is the one that is latest.
#ifndef DIALIN_HTTP_CONNECTION_H
#define DIALIN_HTTP_CONNECTION_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

enum http_queue_name { HTTP_QUEUE_RECEIVING, HTTP_QUEUE_IDLE, HTTP_QUEUE_NONE };
#define HTTP_QUEUES 2

struct http_connection {
    struct http_connection *next, *previous;
    enum http_queue_name queue;
    uint64_t since_ms; // when it entered its queue, loop_now_ms
    bool has_request;
    bool must_linger; // answered before its request was read
    int fd;
    char peer[INET6_ADDRSTRLEN]; // numeric; an IPv4 address never in its IPv6 form
};

struct http_queues {
    struct {
        struct http_connection *oldest, *newest;
    } queue[HTTP_QUEUES];
};

// The address to listen on, from a numeric one; false where `text` is none.
bool http_connection_address(const char *text, uint16_t port, struct sockaddr_storage *out);

// A new connection is in no queue. The caller frees it with free(), out of all queues.
struct http_connection *http_connection_new(int fd, const struct sockaddr *peer);
void http_connection_move(struct http_queues *queues, struct http_connection *connection,
                          enum http_queue_name to);

// The oldest of a queue where it has been there for longer than `limit_ms`, else NULL.
struct http_connection *http_connection_late(const struct http_queues *queues,
                                             enum http_queue_name name, uint64_t limit_ms);

#endif
