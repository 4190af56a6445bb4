// See json_line.h.
#include "json_line.h"

#include "json.h"

#include <inttypes.h>

void json_line_begin(struct json_line *line)
{
    bytes_clear(&line->text);
    bytes_append_text(&line->text, "{");
    line->is_first = true;
}

void json_line_init(struct json_line *line)
{
    bytes_init(&line->text, JSON_LINE_BYTES_MAX);
    json_line_begin(line);
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

// U+007F to U+009F may stand in JSON as they are, but mean something to a terminal.
static bool needs_escape(const struct bytes *text, size_t at)
{
    const unsigned char c = (unsigned char)text->data[at];
    return c == 0x7f || (c == 0xc2 && (unsigned char)text->data[at + 1] < 0xa0);
}

// Escapes them after `from`; the text is UTF-8.
static bool escape_controls(struct bytes *text, size_t from)
{
    size_t at = from;
    while (at < text->len && !needs_escape(text, at)) {
        at++;
    }
    if (at == text->len) {
        return true;
    }
    struct bytes rest;
    bytes_init(&rest, JSON_LINE_BYTES_MAX);
    bool fits = bytes_append(&rest, text->data + at, text->len - at);
    text->len = at;
    for (size_t i = 0; i < rest.len && fits; i++) {
        bool is_control = needs_escape(&rest, i);
        i += is_control && rest.data[i] != 0x7f; // two bytes
        fits = is_control ? bytes_printf(text, "\\u%04x", (unsigned char)rest.data[i])
                          : bytes_append(text, rest.data + i, 1);
    }
    bytes_release(&rest);
    return fits;
}

void json_line_text(struct json_line *line, const char *member, struct bytes_view text)
{
    size_t len_before = line->text.len;
    bool was_first = line->is_first;
    name(line, member);
    const size_t begin_of_text = line->text.len;
    if (!json_append_text(&line->text, text) || !escape_controls(&line->text, begin_of_text) ||
        line->text.len > JSON_LINE_TEXTS_MAX) {
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

void json_line_raw(struct json_line *line, const char *member, struct bytes_view json)
{
    if (line->text.len + json.len < JSON_LINE_TEXTS_MAX) {
        name(line, member);
        bytes_append_view(&line->text, json);
    }
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

struct bytes_view json_line_end(struct json_line *line)
{
    bytes_append_text(&line->text, "}\n");
    return bytes_view(&line->text);
}
