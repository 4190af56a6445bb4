// Connections that were answered before their request was read to its end. Closing such a socket at
// once makes the kernel send a reset, and the client, or the proxy in between, that is still
// sending may never see the answer. So the socket stays open for a while and later bytes are
// thrown away.
#ifndef DIALIN_HTTP_LINGER_H
#define DIALIN_HTTP_LINGER_H

#include "loop.h"

#define HTTP_LINGER_MS 2000
#define HTTP_LINGER_BYTES_MAX (1024 * 1024) // thrown away, then it is closed all the same
#define HTTP_LINGER_MAX 256                 // at once; further ones are closed at once

struct http_linger;
struct http_linger *http_linger_open(struct loop *loop);

// Takes a duplicate of `fd`, whose owner may then close it.
void http_linger_take(struct http_linger *linger, int fd);

void http_linger_close(struct http_linger *linger); // closes those that linger

#endif
