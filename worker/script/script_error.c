// See script_error.h. Redis counts the lines of the whole text. Each part of it stands below a line
// "--@ <file>", so the text itself is the map.
#include "script_error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char PLACE[] = "user_script:";
static const char MARK[] = "--@ ";
#define MARK_LEN (sizeof MARK - 1)

struct source_line {
    struct bytes_view file; // its last part; empty if the text does not name one
    unsigned long number;
};

static struct bytes_view take_line(struct bytes_view *text)
{
    const char *end = memchr(text->data, '\n', text->len);
    struct bytes_view line = {text->data, end ? (size_t)(end - text->data) : text->len};
    size_t taken = line.len + (end ? 1 : 0);
    *text = (struct bytes_view){text->data + taken, text->len - taken};
    return line;
}

static struct bytes_view file_of(struct bytes_view mark)
{
    const char *begin = mark.data + MARK_LEN, *end = mark.data + mark.len;
    const char *slash = memrchr(begin, '/', (size_t)(end - begin));
    begin = slash ? slash + 1 : begin;
    return (struct bytes_view){begin, (size_t)(end - begin)};
}

static struct source_line find_source(struct bytes_view script, unsigned long line_number)
{
    struct source_line source = {{NULL, 0}, 0};
    for (unsigned long i = 0; i < line_number && script.len > 0; i++) {
        struct bytes_view line = take_line(&script);
        source.number++;
        if (line.len > MARK_LEN && !memcmp(line.data, MARK, MARK_LEN)) {
            source = (struct source_line){file_of(line), 0};
        }
    }
    return source;
}

void script_error_explain(struct bytes_view script, const char *error, char *out, size_t size)
{
    const char *found;
    size_t len = 0;
    out[0] = '\0';
    while (len < size && (found = strstr(error, PLACE)) != NULL) {
        char *end = NULL;
        const unsigned long number = strtoul(found + sizeof PLACE - 1, &end, 10);
        const struct source_line source = find_source(script, number);
        const int before = (int)(found - error);
        len += (size_t)(source.file.len > 0
                            ? snprintf(out + len, size - len, "%.*s%.*s:%lu", before, error,
                                       (int)source.file.len, source.file.data, source.number)
                            : snprintf(out + len, size - len, "%.*s", (int)(end - error), error));
        error = end;
    }
    if (len < size) {
        snprintf(out + len, size - len, "%s", error);
    }
}
