// See http_head.h. The spelling that is expected is the usual one: one blank after the colon, CRLF
// at the end of a line. Other spellings that HTTP allows differ, and cost their sender the
// connection, not the answer.
#include "http_head.h"

#include <string.h>

void http_head_begin(struct http_head *head, struct bytes_view raw)
{
    *head = (struct http_head){.raw = raw};
}

void http_head_skip(struct http_head *head, size_t len)
{
    head->differs |= len > head->raw.len - head->at;
    head->at += head->differs ? 0 : len;
}

void http_head_expect(struct http_head *head, const char *text)
{
    size_t len = strlen(text);
    head->differs |= len > head->raw.len - head->at ||
                     (len > 0 && memcmp(head->raw.data + head->at, text, len) != 0);
    head->at += head->differs ? 0 : len;
}

void http_head_expect_header(struct http_head *head, const char *name, const char *value)
{
    http_head_expect(head, name);
    http_head_expect(head, ": ");
    http_head_expect(head, value ? value : "");
    http_head_expect(head, "\r\n");
}

bool http_head_is_exact(const struct http_head *head)
{
    return !head->differs && head->at == head->raw.len;
}

bool http_head_has_nul(struct bytes_view raw)
{
    return raw.len > 0 && memchr(raw.data, '\0', raw.len);
}
