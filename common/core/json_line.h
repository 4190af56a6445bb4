// One JSON object on one line, written member by member, for programs that read output.
#ifndef DIALIN_JSON_LINE_H
#define DIALIN_JSON_LINE_H

#include "bytes.h"

#include <stdbool.h>
#include <stdint.h>

#define JSON_LINE_TEXTS_MAX (16 * 1024 * 1024) // texts beyond it are left out, with their names
#define JSON_LINE_BYTES_MAX (20 * 1024 * 1024) // so that there is room for the punctuation

struct json_line {
    struct bytes text;
    bool is_first;
};

void json_line_init(struct json_line *line); // an empty object
void json_line_release(struct json_line *line);

void json_line_text(struct json_line *line, const char *name, struct bytes_view text);
void json_line_number(struct json_line *line, const char *name, uint64_t number);
void json_line_flag(struct json_line *line, const char *name, bool flag);

// `json` is one JSON value, checked by the caller; nothing of it is escaped.
void json_line_raw(struct json_line *line, const char *name, struct bytes_view json);
void json_line_null(struct json_line *line, const char *name);

// An object or an array as a member, to be filled and closed.
void json_line_open(struct json_line *line, const char *name, char bracket);
void json_line_open_element(struct json_line *line); // an object in an array
void json_line_close(struct json_line *line, char bracket);

// Ends the object with a newline; the text is good until json_line_begin, which begins an empty
// one.
struct bytes_view json_line_end(struct json_line *line);
void json_line_begin(struct json_line *line);

#endif
