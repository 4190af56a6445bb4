// The sockets of the HTTP client: which of them the loop watches, and how they end. Knows nothing
// of libcurl.
//
// A watch begins with http_sockets_watch and ends with http_sockets_forget, whatever becomes of the
// descriptor meanwhile: the owner may close it first. The number of a watched descriptor is never
// given to a new one by http_sockets_new, so a watch always means the socket it was made for.
#ifndef DIALIN_HTTP_CLIENT_SOCKETS_H
#define DIALIN_HTTP_CLIENT_SOCKETS_H

#include "loop.h"

#include <stdbool.h>
#include <stdint.h>

#define HTTP_SOCKETS_TURN_US 10000 // sockets are served for so long in one turn of the loop

struct http_sockets;

// `arg` is the one of http_sockets_open. `events` as the loop's.
typedef void http_on_socket(int fd, int events, void *arg);

// Data that the other side does not acknowledge for `unacknowledged_ms` breaks a connection; 0
// leaves that to the kernel. Returns NULL if no descriptor is left.
struct http_sockets *http_sockets_open(struct loop *loop, uint64_t unacknowledged_ms,
                                       http_on_socket *on_socket, void *arg);
void http_sockets_close(struct http_sockets *sockets); // forgets the sockets that are still watched

bool http_sockets_are_ready(const struct http_sockets *sockets); // one at least, to be served

// A new socket, as socket(2) makes it, or -1. Until http_sockets_may_linger says otherwise, the
// kernel breaks it off at its close (SO_LINGER 0), also if the process dies: nothing of a request
// that was given up is delivered afterwards.
int http_sockets_new(struct http_sockets *sockets, int family, int type, int protocol);
void http_sockets_may_linger(int fd, bool may_linger);

// Watches a descriptor for these events (LOOP_READABLE, LOOP_WRITABLE), or for others than before.
// Returns false, with a line in the log, if the kernel refuses; it is not watched then.
bool http_sockets_watch(struct http_sockets *sockets, int fd, int events);
bool http_sockets_is_watched(const struct http_sockets *sockets, int fd);
void http_sockets_forget(struct http_sockets *sockets, int fd);

#endif
