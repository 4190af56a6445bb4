// See glyph.h. The ranges are those of Unicode 15 (categories Cc, Cf, Zl and Zp; East Asian Width W
// and F), joined if the characters in between are rare.
#include "glyph.h"

#include "utf8.h"

#include <stdbool.h>
#include <stdint.h>

struct range {
    uint32_t first, last;
};

static const struct range HIDDEN[] = {
    {0x00, 0x1f},     {0x7f, 0x9f},     {0xad, 0xad},     {0x600, 0x605},     {0x61c, 0x61c},
    {0x6dd, 0x6dd},   {0x70f, 0x70f},   {0x180e, 0x180e}, {0x200b, 0x200f},   {0x2028, 0x202e},
    {0x2060, 0x206f}, {0xfeff, 0xfeff}, {0xfff9, 0xfffb}, {0x1d173, 0x1d17a}, {0xe0000, 0xe0fff},
};

static const struct range WIDE[] = {
    {0x1100, 0x115f},   {0x231a, 0x231b},   {0x2329, 0x232a}, {0x23e9, 0x23f3}, {0x25fd, 0x25fe},
    {0x2600, 0x27bf},   {0x2b1b, 0x2b55},   {0x2e80, 0xa4cf}, {0xa960, 0xa97f}, {0xac00, 0xd7a3},
    {0xf900, 0xfaff},   {0xfe10, 0xfe6f},   {0xff00, 0xff60}, {0xffe0, 0xffe6}, {0x16fe0, 0x1b2ff},
    {0x1f000, 0x1faff}, {0x20000, 0x3fffd},
};

static bool is_in(const struct range *ranges, size_t count, uint32_t code)
{
    for (size_t i = 0; i < count; i++) {
        if (code >= ranges[i].first && code <= ranges[i].last) {
            return true;
        }
    }
    return false;
}

static uint32_t code_of(const char *at, size_t len)
{
    static const unsigned char MASKS[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t code = (unsigned char)at[0] & MASKS[len];
    for (size_t i = 1; i < len; i++) {
        code = code << 6 | ((unsigned char)at[i] & 0x3f);
    }
    return code;
}

struct glyph glyph_at(struct bytes_view text, size_t at)
{
    if (text.data[at] >= ' ' && text.data[at] <= '~') { // most of them
        return (struct glyph){{text.data + at, 1}, 1, 1};
    }
    const size_t len = utf8_len(text.data + at, text.len - at);
    const uint32_t code = len > 0 ? code_of(text.data + at, len) : 0;
    if (is_in(HIDDEN, sizeof HIDDEN / sizeof HIDDEN[0], code)) {
        return (struct glyph){VIEW(UTF8_REPLACEMENT), len > 0 ? len : 1, 1};
    }
    bool is_wide = is_in(WIDE, sizeof WIDE / sizeof WIDE[0], code);
    return (struct glyph){{text.data + at, len}, len, is_wide ? 2 : 1};
}
