// Returns whether libmicrohttpd understood a head byte for byte as it was sent. The parts that it
// reports are compared, in order, with the bytes that came. Pure.
#ifndef DIALIN_HTTP_HEAD_H
#define DIALIN_HTTP_HEAD_H

#include "bytes.h"

#include <stdbool.h>

// Plain memory: begin, expect each part in order, ask.
struct http_head {
    struct bytes_view raw; // borrowed
    size_t at;
    bool differs;
};

void http_head_begin(struct http_head *head, struct bytes_view raw);
void http_head_expect(struct http_head *head, const char *text);
void http_head_expect_header(struct http_head *head, const char *name, const char *value);
void http_head_skip(struct http_head *head, size_t len); // bytes that were compared before

// Everything was as expected, and there is nothing else.
bool http_head_is_exact(const struct http_head *head);

bool http_head_has_nul(struct bytes_view raw);

#endif
