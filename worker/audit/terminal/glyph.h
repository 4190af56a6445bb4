// A character as a terminal shows it: how wide it is, and whether it may be shown at all. Pure.
#ifndef DIALIN_AUDIT_GLYPH_H
#define DIALIN_AUDIT_GLYPH_H

#include "bytes.h"

#include <stddef.h>

struct glyph {
    struct bytes_view shown; // the character, or U+FFFD in its place
    size_t len;              // bytes of the text that it stands for
    size_t columns;          // 1 or 2; rather too many than too few
};

// The character at `at`, which is before the end of `text`. Replaced are bytes that are not UTF-8,
// control characters, line ends, characters without a shape of their own that change the order or
// the look of others (U+202E turns a number round), other invisible ones, and those that Unicode
// has not assigned.
struct glyph glyph_at(struct bytes_view text, size_t at);

// Appends `text` with the same characters, line feeds excepted, as JSON escapes them: \u202e. Of
// JSON the meaning stays the same. Bytes that are not UTF-8 become U+FFFD.
void glyph_escape(struct bytes_view text, struct bytes *out);

#endif
