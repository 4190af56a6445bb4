// libcurl passes each line with its line end, and not terminated.
#include "http_answer_head.h"

#include <string.h>
#include <strings.h>

bool http_answer_head_is_final(const char *line, size_t len, bool was_final)
{
    static const char NAME[] = "HTTP/1.";
    if (len > sizeof NAME + 1 && !memcmp(line, NAME, sizeof NAME - 1)) {
        return line[sizeof NAME + 1] >= '2'; // "HTTP/1.1 200 …"
    }
    return was_final;
}

void http_answer_head_value(const char *line, size_t len, const char *name, struct bytes *value)
{
    size_t name_len = strlen(name);
    if (len <= name_len || strncasecmp(line, name, name_len) != 0) {
        return;
    }
    const char *begin = line + name_len;
    const char *end = line + len;
    while (begin < end && (*begin == ' ' || *begin == '\t')) {
        begin++;
    }
    while (end > begin && (end[-1] == '\r' || end[-1] == '\n' || end[-1] == ' ')) {
        end--;
    }
    bytes_clear(value);
    bytes_append(value, begin, (size_t)(end - begin));
}
