// See screen.h.
#include "screen.h"

#include "utf8.h"

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

enum colour colour_of_state(enum recorded_state state)
{
    switch (state) {
    case RECORDED_STARTED:
        return COLOUR_GOOD;
    case RECORDED_DEAD:
        return COLOUR_BAD;
    case RECORDED_QUEUED:
    case RECORDED_STARTING:
    case RECORDED_WAITING:
        return COLOUR_BUSY;
    case RECORDED_DUPLICATE:
    case RECORDED_UNKNOWN:
    case RECORDED_STATE_COUNT:
        break;
    }
    return COLOUR_FAINT;
}

void screen_init(struct screen *screen)
{
    const char *no_colour = getenv("NO_COLOR");
    screen->has_colours = isatty(STDOUT_FILENO) && !(no_colour && no_colour[0]);
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

// The length of what stands in one column; *shown is what to print for it.
static size_t next_character(struct bytes_view text, size_t at, struct bytes_view *shown)
{
    size_t len = utf8_len(text.data + at, text.len - at);
    unsigned char c = (unsigned char)text.data[at];
    // C1 controls are two bytes in UTF-8.
    bool is_control =
        c < 0x20 || c == 0x7f || (len == 2 && c == 0xc2 && (unsigned char)text.data[at + 1] < 0xa0);
    *shown =
        len == 0 || is_control ? VIEW(UTF8_REPLACEMENT) : (struct bytes_view){text.data + at, len};
    return len == 0 ? 1 : len;
}

static size_t columns_of(struct bytes_view text)
{
    struct bytes_view shown;
    size_t columns = 0;
    for (size_t at = 0; at < text.len; columns++) {
        at += next_character(text, at, &shown);
    }
    return columns;
}

void screen_put(const struct screen *screen, enum colour colour, int width, struct bytes_view text)
{
    const size_t most = (size_t)abs(width), columns = columns_of(text);
    const size_t kept = width != 0 && columns > most ? most - 1 : columns;
    const int fill = columns < most ? (int)(most - columns) : 0;
    struct bytes_view shown;
    bool is_coloured = screen->has_colours && colour != COLOUR_NONE;
    printf("%*s%s", width < 0 ? fill : 0, "", is_coloured ? COLOURS[colour] : "");
    for (size_t at = 0, i = 0; i < kept; i++) {
        at += next_character(text, at, &shown);
        fwrite(shown.data, 1, shown.len, stdout);
    }
    printf("%s%s%*s", kept < columns ? ELLIPSIS : "", is_coloured ? "\033[0m" : "",
           width > 0 ? fill : 0, "");
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
