// Requests that have not begun yet, first come, first begun. A new TLS connection costs a
// millisecond of the only thread, so a burst must not begin at once: few begin in a turn of the
// loop, hardly any while sockets wait to be served, and none while too many have no connection yet.
// Those that wait find the connections of those that end: a burst needs a third of the handshakes,
// and none of them waits so long for the thread that it times out.
//
// One call of libcurl serves every transfer whose time has come: 200 ms after its begin (7.88) it
// goes on with its handshake, ready or not. A worker that was stopped for 250 ms used 65 ms of
// processor time in such a call. How many may connect by TLS at once is therefore found out as TCP
// does it: one more for each that has connected while others wait, half as many after a call that
// used more than HTTP_CALL_CPU_US_MAX, and after a rest HTTP_TLS_CONNECTING_FIRST again.
#ifndef DIALIN_HTTP_CLIENT_QUEUE_H
#define DIALIN_HTTP_CLIENT_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_BEGIN_PER_TURN 16
#define HTTP_TLS_BEGIN_PER_TURN 4
#define HTTP_TLS_BEGIN_PER_BUSY_TURN 1 // while ready sockets wait
#define HTTP_TLS_WAITING_MAX 128       // more are better left to others
#define HTTP_CONNECTING_MAX 256
#define HTTP_TLS_CONNECTING_FIRST 128
#define HTTP_TLS_CONNECTING_MIN 16
#define HTTP_CALL_CPU_US_MAX 10000 // a call of libcurl that used more did too much

// Part of a request, which owns it.
struct http_queued {
    struct http_queued *next;
    bool is_tls;
    bool is_connecting; // begun, but without a connection
};

struct http_queue {
    struct http_queued *first, **end;
    size_t tls_waiting; // among those that wait
    unsigned connecting;
    unsigned tls_connecting_max; // now
};

void http_queue_init(struct http_queue *queue);
void http_queue_add(struct http_queue *queue, struct http_queued *queued, bool is_tls);

// How many may begin in this turn, if so many wait; 0 if none waits or too many connect.
unsigned http_queue_may_begin(const struct http_queue *queue, bool are_sockets_ready);

// Takes the first out, which counts as connecting from now on; NULL if none waits.
struct http_queued *http_queue_take(struct http_queue *queue);

// It has its connection, or has ended without one. Returns whether that lets another begin.
bool http_queue_connected(struct http_queue *queue, struct http_queued *queued);

// A call of libcurl used so much processor time.
void http_queue_used(struct http_queue *queue, uint64_t cpu_us);

#endif
