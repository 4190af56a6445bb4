// A borrowed view of bytes, and an owned buffer that cannot grow past its stated maximum.
#ifndef DIALIN_BYTES_H
#define DIALIN_BYTES_H

#include <stdbool.h>
#include <stddef.h>

// Borrowed: lives as long as the memory it points into. Not NUL-terminated. {NULL, 0} is empty.
struct bytes_view {
    const char *data;
    size_t len;
};

#define VIEW(literal) ((struct bytes_view){(literal), sizeof(literal) - 1})

struct bytes_view view_of_text(const char *text); // NULL gives the empty view
bool view_equal(struct bytes_view a, struct bytes_view b);
bool view_equal_text(struct bytes_view a, const char *text);
bool view_equal_ignoring_case(struct bytes_view a, const char *text); // ASCII only

bool texts_equal(const char *a, const char *b); // NULL equals NULL only

// As text, which ends with a NUL, at most `size` - 1 bytes of it.
void view_copy(struct bytes_view view, char *out, size_t size);

// Owned: `data` is NUL-terminated whenever it is not NULL (the NUL is not part of `len`).
struct bytes {
    char *data;
    size_t len;
    size_t capacity;
    size_t max; // no append makes `len` larger than this
};

void bytes_init(struct bytes *bytes, size_t max);
void bytes_release(struct bytes *bytes);
void bytes_clear(struct bytes *bytes); // keeps the memory

// Each append returns false, and leaves the buffer as it was, if it would exceed `max`.
bool bytes_append(struct bytes *bytes, const void *data, size_t len);
bool bytes_append_view(struct bytes *bytes, struct bytes_view view);
bool bytes_append_text(struct bytes *bytes, const char *text);
// The same for bytes that the caller then writes, all `len` of them; NULL if it would exceed
// `max`.
char *bytes_extend(struct bytes *bytes, size_t len);
bool bytes_printf(struct bytes *bytes, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

struct bytes_view bytes_view(const struct bytes *bytes);
const char *bytes_text(const struct bytes *bytes); // never NULL; "" when empty

#endif
