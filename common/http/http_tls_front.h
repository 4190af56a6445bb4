// TLS in front of an http_server: accepts connections, shakes hands, and gives the server one end
// of a socket pair for each, in which the bytes are as a client without TLS would send them. So
// every limit and check of the server holds for both. (libmicrohttpd's own TLS, GnuTLS, is not
// used: in 0.9.75 a slow handshake keeps its loop turning without a pause, and each handshake waits
// 40 ms for a delayed acknowledgement.)
#ifndef DIALIN_HTTP_TLS_FRONT_H
#define DIALIN_HTTP_TLS_FRONT_H

#include "http_tls.h"
#include "loop.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define HTTP_TLS_HANDSHAKE_MS 10000 // from the connection to the end of the handshake
#define HTTP_TLS_UNREAD_MS 10000    // the client takes none of what there is for it: it is cut off
#define HTTP_TLS_LINGER_MS 2000     // after our last byte, for the client's

struct http_tls_front;

// A connection whose handshake is done: the callback owns `plain_fd`, and may close it at once.
typedef void http_tls_on_connection(int plain_fd, const struct sockaddr *peer, socklen_t len,
                                    void *arg);

// `listening_fd` is owned by the front from here on. At most `handshakes_max` connections shake
// hands at a time: a further one takes the place of the oldest. Returns NULL if no descriptor is
// left.
struct http_tls_front *http_tls_front_open(struct loop *loop, int listening_fd,
                                           const struct http_tls *tls, unsigned handshakes_max,
                                           http_tls_on_connection *on_connection, void *arg);

// For the handshakes that begin from here on. Borrowed until the next call.
void http_tls_front_use(struct http_tls_front *front, const struct http_tls *tls);

// Accepts the connections that wait, and none after them.
void http_tls_front_stop(struct http_tls_front *front);

// No handshake is under way, and every client has what there is for it.
bool http_tls_front_is_idle(const struct http_tls_front *front);
void http_tls_front_close(
    struct http_tls_front *front); // NULL is allowed; breaks all connections off

#endif
