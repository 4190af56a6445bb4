// Everything that dialin-audit prints. Texts come from callers, agents and Redis: control bytes,
// invisible characters and bytes that are not UTF-8 never leave as they are, neither to a terminal
// nor to a pipe. Colours, and lines no wider than the terminal, if standard output is one (and
// NO_COLOR is not set). The one piece of process-wide state here, as standard output is.
#ifndef DIALIN_AUDIT_SCREEN_H
#define DIALIN_AUDIT_SCREEN_H

#include "bytes.h"
#include "json_line.h"

#include <stdbool.h>
#include <stdio.h>

#define SCREEN_COLUMNS 80 // of a table, if the terminal has as many
#define SCREEN_TEXT_MAX (8 * 1024 * 1024)

enum colour { COLOUR_NONE, COLOUR_FAINT, COLOUR_GOOD, COLOUR_BAD, COLOUR_BUSY };

enum screen_colours { SCREEN_COLOURS_AUTO, SCREEN_COLOURS_ALWAYS, SCREEN_COLOURS_NEVER };

// Appends a text, its secret parts hidden.
typedef void screen_hide(struct bytes_view text, struct bytes *out);

struct screen {
    bool has_colours;
    bool can_move;     // a terminal that is not dumb
    screen_hide *hide; // of every text of others that people are shown; NULL: as they are
};

// `hide` is only used if standard output is a terminal: a pipe gets what is recorded.
void screen_init(struct screen *screen, enum screen_colours colours, screen_hide *hide);

// From now on rows of tables have `prefix` as their first column, JSON objects as their first
// member, and other text stands below a line with it. Borrowed. Without this call there is no
// prefix.
void screen_name_prefix(const char *prefix);

// Before a page is drawn again: clears a terminal that can be cleared, and else parts it from the
// last page by an empty line. Does nothing unless `is_watched`.
void screen_begin_again(const struct screen *screen, bool is_watched);

// Returns whether the reader of standard output is gone (`| head`) or its disk is full. Printed
// once.
bool screen_is_gone(void);

// Our own sentences and numbers: only the line feeds of the format end a line. Texts of others are
// given to screen_put. A line that is wider than the terminal goes on after `> ` on the next one.
void screen_print(const char *format, ...) __attribute__((format(printf, 1, 2)));

// The same to standard error if standard output has JSON.
void screen_note(bool has_json, const char *format, ...) __attribute__((format(printf, 2, 3)));

// A problem, to standard error: one line that begins with the program's name. Texts of others may
// be in it.
void screen_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

// A text in a column: cut with an ellipsis if it is longer, filled up if it is shorter
// (`columns` below 0: to the right; 0: neither).
void screen_put(const struct screen *screen, enum colour colour, int columns,
                struct bytes_view text);
void screen_put_text(const struct screen *screen, enum colour colour, int columns,
                     const char *text);

// The rest of the line: a text that is too long for a terminal is cut at its edge.
void screen_put_cut(const struct screen *screen, enum colour colour, struct bytes_view text);

struct screen_column {
    const char *title;
    int columns; // as screen_put
};

// The rows of a table: the head, and then a row of cells. `coloured` is the cell that gets the
// colour. A terminal that is too narrow cuts them at its edge.
void screen_head(const struct screen *screen, const struct screen_column *columns, size_t count);
void screen_row(const struct screen *screen, const struct screen_column *columns, size_t count,
                const char *const *cells, enum colour colour, size_t coloured);

// Ends the object and prints it on one line, however long: to `file`, with the characters that
// screen_put replaces as \u escapes.
void screen_json(struct json_line *line, FILE *file);

void screen_json_text(struct bytes_view text, FILE *file); // the same of a finished text

// Prints rows for programs that are not JSON: as they are, but escaped if `file` is a terminal.
void screen_data(struct bytes_view text, FILE *file);

#endif
