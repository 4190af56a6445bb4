// See screen.h.
#include "screen.h"

#include "glyph.h"
#include "json.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define PROGRAM "dialin-audit"
#define ELLIPSIS "\xe2\x80\xa6"
#define CONTINUATION "> " // before the rest of a line that was too wide
#define COLUMNS_MIN 8     // a terminal that says it has fewer does not know
#define DATA_BYTES_MAX (64 * 1024 * 1024)

static const char *const COLOURS[] = {
    [COLOUR_NONE] = "",        [COLOUR_FAINT] = "\033[2m", [COLOUR_GOOD] = "\033[32m",
    [COLOUR_BAD] = "\033[31m", [COLOUR_BUSY] = "\033[33m",
};

#define PREFIX_COLUMNS 16

static size_t column;      // of standard output, from 0
static const char *prefix; // NULL: there is one only
static bool is_prefix_due; // before the next text that is not a table
static bool is_terminal;   // standard output

void screen_init(struct screen *screen, enum screen_colours colours, screen_hide *hide)
{
    const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");
    is_terminal = isatty(STDOUT_FILENO);
    screen->can_move = is_terminal && !(term && !strcmp(term, "dumb"));
    screen->has_colours = screen->can_move && !(no_colour && no_colour[0]);
    screen->has_colours =
        colours == SCREEN_COLOURS_ALWAYS || (colours == SCREEN_COLOURS_AUTO && screen->has_colours);
    screen->hide = is_terminal ? hide : NULL;
}

void screen_name_prefix(const char *name)
{
    prefix = name;
    is_prefix_due = true;
}

void screen_begin_again(const struct screen *screen, bool is_watched)
{
    if (is_watched) {
        fputs(screen->can_move ? "\033[H\033[2J" : "\n", stdout);
        column = 0;
    }
}

bool screen_is_gone(void)
{
    static bool is_said;
    if (!ferror(stdout) && !(fflush(stdout) == EOF)) {
        return false;
    }
    if (!is_said) {
        screen_complain("the output cannot be written (%s): stopped", strerror(errno));
    }
    is_said = true;
    return true;
}

// Of the terminal at `fd`, asked each time, for it may be resized; 0: it is none, or does not know.
// A pipe is not asked: a system call for each cell would take longer than all else.
static size_t width_of(int fd)
{
    struct winsize size;
    if (fd == STDOUT_FILENO && !is_terminal) {
        return 0;
    }
    bool is_known = ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col >= COLUMNS_MIN;
    return is_known ? size.ws_col : 0;
}

// --- texts --------------------------------------------------------------------------------------

// How many characters of printable ASCII there are from `at` on, `most` at most: they stand for
// themselves and take a column each.
static size_t plain_len(struct bytes_view text, size_t at, size_t most)
{
    size_t len = 0;
    while (len < most && at + len < text.len && text.data[at + len] >= ' ' &&
           text.data[at + len] <= '~') {
        len++;
    }
    return len;
}

static size_t emit_plain(struct bytes_view text, size_t at, size_t most, FILE *file)
{
    const size_t len = plain_len(text, at, most);
    fwrite(text.data + at, 1, len, file);
    return len;
}

static void emit_glyph(struct glyph glyph, FILE *file, size_t width, size_t *at)
{
    if (width > 0 && *at + glyph.columns > width) {
        fputs("\n" CONTINUATION, file);
        *at = strlen(CONTINUATION);
    }
    fwrite(glyph.shown.data, 1, glyph.shown.len, file);
    *at += glyph.columns;
}

// Prints a text that is one line, `at` the column at which it begins and ends.
static void emit(struct bytes_view text, FILE *file, size_t width, size_t *at)
{
    for (size_t i = 0; i < text.len;) {
        const size_t left = width == 0 ? SIZE_MAX : width > *at ? width - *at : 0;
        const size_t plain = emit_plain(text, i, left, file);
        *at += plain;
        i += plain;
        if (i < text.len) {
            const struct glyph glyph = glyph_at(text, i);
            emit_glyph(glyph, file, width, at);
            i += glyph.len;
        }
    }
}

static void emit_lines(struct bytes_view text, FILE *file, size_t width, size_t *at)
{
    while (text.len > 0) {
        const char *end = memchr(text.data, '\n', text.len);
        const size_t len = end ? (size_t)(end - text.data) : text.len;
        emit((struct bytes_view){text.data, len}, file, width, at);
        if (end) {
            putc('\n', file);
            *at = 0;
        }
        text = (struct bytes_view){text.data + len + (end != NULL), text.len - len - (end != NULL)};
    }
}

// The caller frees `text`.
__attribute__((format(printf, 1, 0))) static struct bytes_view
formatted(const char *format, va_list arguments, char **text)
{
    *text = NULL;
    int len = vasprintf(text, format, arguments);
    if (len < 0) {
        *text = NULL;
        return (struct bytes_view){"", 0};
    }
    return (struct bytes_view){*text, (size_t)len};
}

static void put_prefix_above(void)
{
    if (prefix && is_prefix_due) {
        is_prefix_due = false;
        emit(view_of_text(prefix), stdout, width_of(STDOUT_FILENO), &column);
        putc('\n', stdout);
        column = 0;
    }
}

void screen_print(const char *format, ...)
{
    char *text;
    va_list arguments;
    put_prefix_above();
    va_start(arguments, format);
    emit_lines(formatted(format, arguments, &text), stdout, width_of(STDOUT_FILENO), &column);
    va_end(arguments);
    free(text);
}

void screen_note(bool has_json, const char *format, ...)
{
    char *text;
    static size_t error_column;
    va_list arguments;
    va_start(arguments, format);
    const struct bytes_view view = formatted(format, arguments, &text);
    if (has_json) {
        emit_lines(view, stderr, width_of(STDERR_FILENO), &error_column);
    } else {
        emit_lines(view, stdout, width_of(STDOUT_FILENO), &column);
    }
    va_end(arguments);
    free(text);
}

void screen_complain(const char *format, ...)
{
    char *text;
    size_t at = strlen(PROGRAM ": ");
    va_list arguments;
    va_start(arguments, format);
    fputs(PROGRAM ": ", stderr);
    emit(formatted(format, arguments, &text), stderr, width_of(STDERR_FILENO), &at);
    putc('\n', stderr);
    va_end(arguments);
    free(text);
}

// --- columns ------------------------------------------------------------------------------------

static size_t columns_of(struct bytes_view text)
{
    size_t columns = 0;
    for (size_t at = 0; at < text.len;) {
        const size_t plain = plain_len(text, at, SIZE_MAX);
        columns += plain;
        at += plain;
        if (at < text.len) {
            const struct glyph glyph = glyph_at(text, at);
            columns += glyph.columns;
            at += glyph.len;
        }
    }
    return columns;
}

// Prints as much of a text as fits; returns how many columns that took.
static size_t print_columns(struct bytes_view text, size_t most)
{
    size_t columns = 0;
    for (size_t at = 0; at < text.len;) {
        const size_t plain = emit_plain(text, at, most - columns, stdout);
        column += plain;
        columns += plain;
        at += plain;
        const struct glyph glyph =
            at < text.len ? glyph_at(text, at) : (struct glyph){.columns = most + 1};
        if (columns + glyph.columns > most) {
            break;
        }
        emit_glyph(glyph, stdout, 0, &column);
        columns += glyph.columns;
        at += glyph.len;
    }
    return columns;
}

static void fill(size_t columns)
{
    printf("%*s", (int)columns, "");
    column += columns;
}

// In the columns of `width`, with cutting and filling.
static void put_cell(int width, struct bytes_view text)
{
    const size_t most = (size_t)abs(width), columns = columns_of(text);
    if (columns > most) {
        const size_t printed = print_columns(text, most - 1);
        emit(VIEW(ELLIPSIS), stdout, 0, &column);
        fill(most - 1 - printed); // half a wide character may be left over
        return;
    }
    fill(width < 0 ? most - columns : 0);
    print_columns(text, most);
    fill(width > 0 ? most - columns : 0);
}

static void put_shown(const struct screen *screen, enum colour colour, int columns,
                      struct bytes_view text)
{
    bool is_coloured = screen->has_colours && colour != COLOUR_NONE;
    put_prefix_above();
    fputs(is_coloured ? COLOURS[colour] : "", stdout);
    if (columns == 0) {
        emit(text, stdout, width_of(STDOUT_FILENO), &column);
    } else {
        put_cell(columns, text);
    }
    fputs(is_coloured ? "\033[0m" : "", stdout);
}

// The text as it may be shown; `hidden` is the caller's to release.
static struct bytes_view shown(const struct screen *screen, struct bytes_view text,
                               struct bytes *hidden)
{
    bytes_init(hidden, SCREEN_TEXT_MAX);
    if (!screen->hide) {
        return text;
    }
    screen->hide(text, hidden);
    return bytes_view(hidden);
}

void screen_put(const struct screen *screen, enum colour colour, int columns,
                struct bytes_view text)
{
    struct bytes hidden;
    put_shown(screen, colour, columns, shown(screen, text, &hidden));
    bytes_release(&hidden);
}

void screen_put_cut(const struct screen *screen, enum colour colour, struct bytes_view text)
{
    struct bytes hidden;
    const struct bytes_view view = shown(screen, text, &hidden);
    const size_t width = width_of(STDOUT_FILENO), left = width > column ? width - column : 0;
    bool is_long = width > 0 && columns_of(view) > left;
    if (!is_long) {
        put_shown(screen, colour, 0, view);
    } else if (left > 0) {
        put_shown(screen, colour, (int)left, view);
    }
    bytes_release(&hidden);
}

void screen_put_text(const struct screen *screen, enum colour colour, int columns, const char *text)
{
    screen_put(screen, colour, columns, view_of_text(text));
}

// --- tables -------------------------------------------------------------------------------------

// How wide a column is that begins at `column`; 0: the terminal's edge is reached.
static int width_left(int columns)
{
    const size_t width = width_of(STDOUT_FILENO);
    const int left = width > column ? (int)(width - column) : 0;
    return width == 0 || abs(columns) <= left ? columns : columns < 0 ? -left : left;
}

static void put_in_row(const struct screen *screen, enum colour colour, int columns, bool is_last,
                       const char *text)
{
    int width = width_left(columns);
    bool is_unfilled = is_last && width > 0 && columns_of(view_of_text(text)) <= (size_t)width;
    if (width != 0) {
        screen_put_text(screen, colour, is_unfilled ? 0 : width, text);
    }
    if (is_last) {
        screen_print("\n");
    } else if (width_left(1) > 0) {
        fill(1);
    }
}

// The first column of a row, if there are several prefixes.
static void put_prefix(const struct screen *screen, enum colour colour, const char *text)
{
    is_prefix_due = false;
    if (prefix) {
        put_in_row(screen, colour, PREFIX_COLUMNS, false, text);
    }
}

void screen_head(const struct screen *screen, const struct screen_column *columns, size_t count)
{
    put_prefix(screen, COLOUR_FAINT, "PREFIX");
    for (size_t i = 0; i < count; i++) {
        bool is_last = i + 1 == count;
        int title = (int)strlen(columns[i].title);
        bool is_unfilled = is_last && columns[i].columns > title;
        put_in_row(screen, COLOUR_FAINT, is_unfilled ? title : columns[i].columns, is_last,
                   columns[i].title);
    }
}

void screen_row(const struct screen *screen, const struct screen_column *columns, size_t count,
                const char *const *cells, enum colour colour, size_t coloured)
{
    put_prefix(screen, COLOUR_NONE, prefix);
    for (size_t i = 0; i < count; i++) {
        put_in_row(screen, i == coloured ? colour : COLOUR_NONE, columns[i].columns, i + 1 == count,
                   cells[i]);
    }
}

// --- for programs -------------------------------------------------------------------------------

// Of an object `{…}`: the prefix comes first.
static struct bytes_view take_brace(struct bytes_view text, struct bytes *out)
{
    if (!prefix || text.len < 2 || text.data[0] != '{') {
        return text;
    }
    bytes_append_text(out, "{\"prefix\":");
    json_append_text(out, view_of_text(prefix));
    bytes_append_text(out, text.data[1] == '}' ? "" : ",");
    return (struct bytes_view){text.data + 1, text.len - 1};
}

void screen_json_text(struct bytes_view text, FILE *file)
{
    struct bytes escaped;
    bytes_init(&escaped, DATA_BYTES_MAX);
    glyph_escape(take_brace(text, &escaped), &escaped);
    fwrite(bytes_text(&escaped), 1, escaped.len, file);
    bytes_release(&escaped);
}

void screen_json(struct json_line *line, FILE *file)
{
    screen_json_text(json_line_end(line), file);
    json_line_begin(line);
}

void screen_data(struct bytes_view text, FILE *file)
{
    if (!isatty(fileno(file))) {
        fwrite(text.data, 1, text.len, file);
        return;
    }
    bool ends_line = text.len > 1 && !memcmp(text.data + text.len - 2, "\r\n", 2);
    screen_json_text((struct bytes_view){text.data, text.len - (ends_line ? 2 : 0)}, file);
    fputs(ends_line ? "\n" : "", file);
}
