// See http_raw.h. The memory is given back whenever all that came has been read: most connections
// have nothing here.
#include "http_raw.h"

#include <string.h>

void http_raw_init(struct http_raw *raw)
{
    memset(raw, 0, sizeof *raw);
    bytes_init(&raw->bytes, HTTP_RAW_BYTES_MAX);
}

void http_raw_release(struct http_raw *raw)
{
    bytes_release(&raw->bytes);
    raw->begin = 0;
}

void http_raw_end(struct http_raw *raw)
{
    http_raw_release(raw);
    raw->is_over = true;
}

struct bytes_view http_raw_view(const struct http_raw *raw)
{
    return (struct bytes_view){bytes_text(&raw->bytes) + raw->begin, raw->bytes.len - raw->begin};
}

static void drop_what_was_read(struct http_raw *raw)
{
    if (raw->begin > 0) {
        raw->bytes.len -= raw->begin;
        memmove(raw->bytes.data, raw->bytes.data + raw->begin, raw->bytes.len);
        raw->begin = 0;
    }
}

void http_raw_add(struct http_raw *raw, const char *data, size_t len)
{
    size_t of_body = raw->body_left < len ? (size_t)raw->body_left : len;
    raw->body_left -= of_body;
    if (raw->is_over || of_body == len) {
        return;
    }
    drop_what_was_read(raw);
    if (!bytes_append(&raw->bytes, data + of_body, len - of_body)) {
        http_raw_end(raw); // then no head can be compared, and the connection is closed
    }
}

void http_raw_pass(struct http_raw *raw, size_t head_bytes, uint64_t body_bytes)
{
    size_t there = http_raw_view(raw).len;
    if (raw->is_over || head_bytes > there) {
        http_raw_end(raw);
        return;
    }
    size_t of_body = body_bytes < there - head_bytes ? (size_t)body_bytes : there - head_bytes;
    raw->begin += head_bytes + of_body;
    raw->body_left = body_bytes - of_body;
    if (raw->begin == raw->bytes.len) {
        http_raw_release(raw);
    }
}
