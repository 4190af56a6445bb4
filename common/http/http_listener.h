// The listening socket of an http_server.
#ifndef DIALIN_HTTP_LISTENER_H
#define DIALIN_HTTP_LISTENER_H

#include <stdint.h>

#define HTTP_LISTENER_BACKLOG                                                                      \
    4096 // connections that wait to be accepted; the kernel may allow fewer

// A non-blocking socket that listens on a numeric address; `::` is both families. Returns -1 with
// errno.
int http_listener_open(const char *listen_addr, uint16_t port);

uint16_t http_listener_port(int fd);

#endif
