// Output for people: tables that fit 100 columns, and colours if standard output is a terminal
// (and NO_COLOR is not set). Texts come from callers and agents: control bytes and bytes that are
// not UTF-8 never reach the terminal as they are.
#ifndef DIALIN_AUDIT_SCREEN_H
#define DIALIN_AUDIT_SCREEN_H

#include "bytes.h"

#include <stdbool.h>

#define SCREEN_COLUMNS 100

enum colour { COLOUR_NONE, COLOUR_FAINT, COLOUR_GOOD, COLOUR_BAD, COLOUR_BUSY };

struct screen {
    bool has_colours;
    bool can_move; // a terminal that is not dumb
};

void screen_init(struct screen *screen);

// Before a page is drawn again: clears a terminal that can be cleared, and else parts it from the
// last page by an empty line. Does nothing unless `is_watched`.
void screen_begin_again(const struct screen *screen, bool is_watched);

// Returns whether the reader of standard output is gone (`| head`) or its disk is full. Printed
// once.
bool screen_is_gone(void);

// A text in a column: cut with an ellipsis if it is longer, filled up if it is shorter
// (`columns` below 0: to the right; 0: neither).
void screen_put(const struct screen *screen, enum colour colour, int columns,
                struct bytes_view text);
void screen_put_text(const struct screen *screen, enum colour colour, int columns,
                     const char *text);

struct screen_column {
    const char *title;
    int columns; // as screen_put
};

// The rows of a table: the head, and then a row of cells. `coloured` is the cell that gets the
// colour.
void screen_head(const struct screen *screen, const struct screen_column *columns, size_t count);
void screen_row(const struct screen *screen, const struct screen_column *columns, size_t count,
                const char *const *cells, enum colour colour, size_t coloured);

#endif
