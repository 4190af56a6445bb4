// The connections of an http_server, in queues by the phase that they are in. Each phase has a
// deadline, and each queue is in order of time, so that its head is the connection that is latest.
#ifndef DIALIN_HTTP_CONNECTION_H
#define DIALIN_HTTP_CONNECTION_H

#include "http_raw.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

enum http_queue_name {
    HTTP_QUEUE_RECEIVING, // opened, or the first line of a request has come
    HTTP_QUEUE_ANSWERING, // the answer leaves, as fast as the client reads
    HTTP_QUEUE_IDLE,      // between two requests
    HTTP_QUEUE_KNOWN,     // the same, and the connection has carried something genuine
    HTTP_QUEUE_NONE,      // its request is parked: we owe the answer
};
#define HTTP_QUEUES 4

struct http_share;
struct http_request;

struct http_connection {
    struct http_connection *next, *previous;
    enum http_queue_name queue;
    uint64_t since_ms;            // when it entered its queue, loop_now_ms
    struct http_request *request; // NULL: between two requests
    struct http_share *share;     // of its address
    struct http_raw raw;
    unsigned requests; // that have begun
    bool is_genuine;   // it has carried something genuine
    bool must_linger;  // answered before its request was read
    int fd;
    char peer[INET6_ADDRSTRLEN]; // numeric; an IPv4 address never in its IPv6 form
};

struct http_queues {
    struct {
        struct http_connection *oldest, *newest;
        unsigned count;
    } queue[HTTP_QUEUES];
};

// The address to listen on, from a numeric one; false if `text` is none.
bool http_connection_address(const char *text, uint16_t port, struct sockaddr_storage *out);

// The numeric address of a peer; "" if it has none.
void http_connection_peer(const struct sockaddr *address, char out[INET6_ADDRSTRLEN]);

// A new connection is in no queue. Take it out of its queue before http_connection_free().
struct http_connection *http_connection_new(int fd, const struct sockaddr *peer);
void http_connection_free(struct http_connection *connection);
void http_connection_move(struct http_queues *queues, struct http_connection *connection,
                          enum http_queue_name to);

// The oldest of a queue if it has been there for longer than `limit_ms`, else NULL.
struct http_connection *http_connection_late(const struct http_queues *queues,
                                             enum http_queue_name name, uint64_t limit_ms);

#endif
