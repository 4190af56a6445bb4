// See glyph.h. libutf8proc knows where a character ends and how wide it is.
#include "glyph.h"

#include "utf8.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <utf8proc.h>

static bool is_hidden(utf8proc_int32_t code)
{
    const utf8proc_property_t *property = utf8proc_get_property(code);
    switch (property->category) {
    case UTF8PROC_CATEGORY_CC: // control characters
    case UTF8PROC_CATEGORY_CF: // those that change the order or the look of others
    case UTF8PROC_CATEGORY_CN: // unassigned: a newer terminal may know more of them
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_ZL: // ends of lines
    case UTF8PROC_CATEGORY_ZP:
        return true;
    default:
        return property->ignorable; // without a shape: fillers, variation selectors
    }
}

// Reads the character at `at`; returns its length, or 0 if the bytes there are not UTF-8.
static size_t read_code(struct bytes_view text, size_t at, utf8proc_int32_t *code)
{
    const size_t len = utf8_len(text.data + at, text.len - at);
    *code = 0;
    if (len > 0) {
        utf8proc_iterate((const utf8proc_uint8_t *)text.data + at, (utf8proc_ssize_t)len, code);
    }
    return len;
}

static bool is_plain(char c)
{
    return c >= ' ' && c <= '~';
}

struct glyph glyph_at(struct bytes_view text, size_t at)
{
    if (is_plain(text.data[at])) { // most of them
        return (struct glyph){{text.data + at, 1}, 1, 1};
    }
    utf8proc_int32_t code;
    const size_t len = read_code(text, at, &code);
    if (len == 0 || is_hidden(code)) {
        return (struct glyph){VIEW(UTF8_REPLACEMENT), len > 0 ? len : 1, 1};
    }
    return (struct glyph){{text.data + at, len}, len, utf8proc_charwidth(code) > 1 ? 2 : 1};
}

static void append_escape(struct bytes *out, utf8proc_int32_t code)
{
    if (code > 0xffff) {
        bytes_printf(out, "\\u%04x", (unsigned)(0xd800 + ((code - 0x10000) >> 10)));
        code = 0xdc00 + (code & 0x3ff);
    }
    bytes_printf(out, "\\u%04x", (unsigned)code);
}

void glyph_escape(struct bytes_view text, struct bytes *out)
{
    for (size_t at = 0, plain = 0; at < text.len;) {
        utf8proc_int32_t code = ' ';
        bool is_known = is_plain(text.data[at]) || text.data[at] == '\n';
        const size_t len = is_known ? 1 : read_code(text, at, &code);
        if (is_known || (len > 0 && !is_hidden(code))) {
            at += len;
            if (at == text.len) {
                bytes_append(out, text.data + plain, at - plain);
            }
            continue;
        }
        bytes_append(out, text.data + plain, at - plain);
        if (len > 0) {
            append_escape(out, code);
        } else {
            bytes_append_text(out, UTF8_REPLACEMENT);
        }
        at += len > 0 ? len : 1;
        plain = at;
    }
}
