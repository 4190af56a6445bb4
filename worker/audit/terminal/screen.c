// See screen.h.
#include "screen.h"

#include "glyph.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ELLIPSIS "\xe2\x80\xa6"

static const char *const COLOURS[] = {
    [COLOUR_NONE] = "",        [COLOUR_FAINT] = "\033[2m", [COLOUR_GOOD] = "\033[32m",
    [COLOUR_BAD] = "\033[31m", [COLOUR_BUSY] = "\033[33m",
};

void screen_init(struct screen *screen)
{
    const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");
    screen->can_move = isatty(STDOUT_FILENO) && !(term && !strcmp(term, "dumb"));
    screen->has_colours = screen->can_move && !(no_colour && no_colour[0]);
}

void screen_begin_again(const struct screen *screen, bool is_watched)
{
    if (is_watched) {
        fputs(screen->can_move ? "\033[H\033[2J" : "\n", stdout);
    }
}

bool screen_is_gone(void)
{
    static bool is_said;
    if (!ferror(stdout) && !(fflush(stdout) == EOF)) {
        return false;
    }
    if (!is_said) {
        fprintf(stderr, "dialin-audit: the output cannot be written (%s): stopped\n",
                strerror(errno));
    }
    is_said = true;
    return true;
}

static size_t columns_of(struct bytes_view text)
{
    size_t columns = 0;
    for (size_t at = 0; at < text.len;) {
        const struct glyph glyph = glyph_at(text, at);
        columns += glyph.columns;
        at += glyph.len;
    }
    return columns;
}

// Prints as much of a text as fits; returns how many columns that took.
static size_t print_columns(struct bytes_view text, size_t most)
{
    size_t columns = 0;
    for (size_t at = 0; at < text.len;) {
        const struct glyph glyph = glyph_at(text, at);
        if (columns + glyph.columns > most) {
            break;
        }
        fwrite(glyph.shown.data, 1, glyph.shown.len, stdout);
        columns += glyph.columns;
        at += glyph.len;
    }
    return columns;
}

void screen_put(const struct screen *screen, enum colour colour, int width, struct bytes_view text)
{
    const size_t most = (size_t)abs(width), columns = columns_of(text);
    const int fill = columns < most ? (int)(most - columns) : 0;
    bool is_cut = width != 0 && columns > most;
    bool is_coloured = screen->has_colours && colour != COLOUR_NONE;
    printf("%*s%s", width < 0 ? fill : 0, "", is_coloured ? COLOURS[colour] : "");
    const size_t printed = print_columns(text, is_cut ? most - 1 : columns);
    // Half a wide character may be left over.
    const int rest = is_cut ? (int)(most - 1 - printed) : width > 0 ? fill : 0;
    printf("%s%s%*s", is_cut ? ELLIPSIS : "", is_coloured ? "\033[0m" : "", rest, "");
}

void screen_put_text(const struct screen *screen, enum colour colour, int columns, const char *text)
{
    screen_put(screen, colour, columns, view_of_text(text));
}

void screen_head(const struct screen *screen, const struct screen_column *columns, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        screen_put_text(screen, COLOUR_FAINT,
                        i + 1 < count || columns[i].columns < 0 ? columns[i].columns : 0,
                        columns[i].title);
        putchar(i + 1 < count ? ' ' : '\n');
    }
}

void screen_row(const struct screen *screen, const struct screen_column *columns, size_t count,
                const char *const *cells, enum colour colour, size_t coloured)
{
    for (size_t i = 0; i < count; i++) {
        screen_put_text(screen, i == coloured ? colour : COLOUR_NONE, columns[i].columns, cells[i]);
        putchar(i + 1 < count ? ' ' : '\n');
    }
}
