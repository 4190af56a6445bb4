// See http_message.h. One search for each question: these programs must cost little.
#include "http_message.h"

#include <stdlib.h>
#include <string.h>

#define HEAD_END "\r\n\r\n"
#define HEAD_END_LEN (sizeof HEAD_END - 1)

const char *http_message_header(const char *data, size_t len, const char *name)
{
    size_t name_len = strlen(name);
    const char *end = data + len;
    const char *line = memchr(data, '\n', len);
    for (; line && (size_t)(end - line) > name_len;
         line = memchr(line + 1, '\n', (size_t)(end - line - 1))) {
        if (!strncasecmp(line + 1, name, name_len)) {
            const char *value = line + 1 + name_len;
            return value + strspn(value, " ");
        }
        if (line[1] == '\r') {
            break;
        }
    }
    return NULL;
}

size_t http_message_len(const char *data, size_t len)
{
    const char *head_end = memmem(data, len, HEAD_END, HEAD_END_LEN);
    if (!head_end) {
        return 0;
    }
    size_t head_len = (size_t)(head_end - data) + HEAD_END_LEN;
    const char *value = http_message_header(data, head_len, "Content-Length:");
    size_t whole = head_len + (value ? strtoul(value, NULL, 10) : 0);
    return whole <= len ? whole : 0;
}
