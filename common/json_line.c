// See json_line.h.
#include "json_line.h"

#include "json.h"

#include <inttypes.h>

static void begin(struct json_line *line)
{
    bytes_clear(&line->text);
    bytes_append_text(&line->text, "{");
    line->is_first = true;
}

void json_line_init(struct json_line *line)
{
    bytes_init(&line->text, JSON_LINE_BYTES_MAX);
    begin(line);
}

void json_line_release(struct json_line *line)
{
    bytes_release(&line->text);
}

static void separate(struct json_line *line)
{
    bytes_append_text(&line->text, line->is_first ? "" : ",");
    line->is_first = false;
}

static void name(struct json_line *line, const char *text)
{
    separate(line);
    json_append_text(&line->text, view_of_text(text));
    bytes_append_text(&line->text, ":");
}

void json_line_text(struct json_line *line, const char *member, struct bytes_view text)
{
    size_t len_before = line->text.len;
    bool was_first = line->is_first;
    name(line, member);
    if (!json_append_text(&line->text, text)) {
        line->text.len = len_before;
        line->text.data[len_before] = '\0';
        line->is_first = was_first;
    }
}

void json_line_number(struct json_line *line, const char *member, uint64_t number)
{
    name(line, member);
    bytes_printf(&line->text, "%" PRIu64, number);
}

void json_line_flag(struct json_line *line, const char *member, bool flag)
{
    name(line, member);
    bytes_append_text(&line->text, flag ? "true" : "false");
}

void json_line_null(struct json_line *line, const char *member)
{
    name(line, member);
    bytes_append_text(&line->text, "null");
}

void json_line_open(struct json_line *line, const char *member, char bracket)
{
    name(line, member);
    bytes_append(&line->text, &bracket, 1);
    line->is_first = true;
}

void json_line_open_element(struct json_line *line)
{
    separate(line);
    bytes_append_text(&line->text, "{");
    line->is_first = true;
}

void json_line_close(struct json_line *line, char bracket)
{
    bytes_append(&line->text, &bracket, 1);
    line->is_first = false;
}

void json_line_print(struct json_line *line, FILE *file)
{
    bytes_append_text(&line->text, "}\n");
    fwrite(line->text.data, 1, line->text.len, file);
    begin(line);
}
