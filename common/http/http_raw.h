// The bytes of one connection as they came, from the beginning of the request that is being read.
// Of bodies only the length is kept, and nothing at all once the connection is to be closed.
#ifndef DIALIN_HTTP_RAW_H
#define DIALIN_HTTP_RAW_H

#include "bytes.h"

#include <stdbool.h>
#include <stdint.h>

#define HTTP_RAW_BYTES_MAX (16 * 1024) // more than libmicrohttpd reads ahead

// Plain memory.
struct http_raw {
    struct bytes bytes;
    size_t begin;       // in `bytes`: start of the request's head
    uint64_t body_left; // bytes of the last request's body that have not come yet
    bool is_over;       // nothing more is looked at
};

void http_raw_init(struct http_raw *raw);
void http_raw_release(struct http_raw *raw);
void http_raw_add(struct http_raw *raw, const char *data, size_t len);

// The bytes since the last head and body, borrowed until the next call.
struct bytes_view http_raw_view(const struct http_raw *raw);

// A request was read: the next one begins after its head and body.
void http_raw_pass(struct http_raw *raw, size_t head_bytes, uint64_t body_bytes);

void http_raw_end(struct http_raw *raw); // no further request is served on this connection

#endif
