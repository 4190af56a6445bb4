// What reaches a terminal, and how wide it is there.
#include "glyph.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define REPLACED "\xef\xbf\xbd"
#define BYTES(text)                                                                                \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }

static void characters_are_shown_or_replaced(void **state)
{
    (void)state;
    static const struct {
        struct bytes_view text;
        const char *shown;
        size_t len, columns;
    } CASES[] = {
        {BYTES("a"), "a", 1, 1},
        {BYTES("~"), "~", 1, 1},
        {BYTES(" "), " ", 1, 1},
        {BYTES("\xc3\xa4"), "\xc3\xa4", 2, 1},
        {BYTES("\xe6\x97\xa5"), "\xe6\x97\xa5", 3, 2},         // a Chinese character
        {BYTES("\xed\x95\x9c"), "\xed\x95\x9c", 3, 2},         // a Korean one
        {BYTES("\xef\xbc\x91"), "\xef\xbc\x91", 3, 2},         // a wide 1
        {BYTES("\xf0\x9f\x93\x9e"), "\xf0\x9f\x93\x9e", 4, 2}, // a telephone
        {BYTES("\x1b"), REPLACED, 1, 1},
        {BYTES("\n"), REPLACED, 1, 1},
        {BYTES("\0"), REPLACED, 1, 1},
        {BYTES("\x7f"), REPLACED, 1, 1},
        {BYTES("\xc2\x80"), REPLACED, 2, 1},
        {BYTES("\xc2\x9b"), REPLACED, 2, 1}, // CSI in one character
        {BYTES("\xc2\xa0"), "\xc2\xa0", 2, 1},
        {BYTES("\xc2\xad"), REPLACED, 2, 1},         // U+00AD
        {BYTES("\xe2\x80\xae"), REPLACED, 3, 1},     // U+202E turns what follows round
        {BYTES("\xe2\x81\xa6"), REPLACED, 3, 1},     // U+2066
        {BYTES("\xe2\x80\xa8"), REPLACED, 3, 1},     // U+2028, a line end
        {BYTES("\xef\xbb\xbf"), REPLACED, 3, 1},     // U+FEFF
        {BYTES("\xf3\xa0\x81\x81"), REPLACED, 4, 1}, // U+E0041
        {BYTES("\xf3\xa0\x80\x81"), REPLACED, 4, 1}, // U+E0001, a tag
        {BYTES("\xd8\x9c"), REPLACED, 2, 1},         // U+061C
        {BYTES("\xe2\x80\x8b"), REPLACED, 3, 1},     // U+200B, of no width
        {BYTES("\xe3\x85\xa4"), REPLACED, 3, 1},     // U+3164, a letter without a shape
        {BYTES("\xef\xb8\x8f"), REPLACED, 3, 1},     // U+FE0F
        {BYTES("\xee\x80\x80"), REPLACED, 3, 1},     // U+E000, whatever a font makes of it
        {BYTES("\xcd\xb8"), REPLACED, 2, 1},         // U+0378 is not assigned
        {BYTES("\xcc\x81"), "\xcc\x81", 2, 1},       // an accent
        {BYTES("\xff"), REPLACED, 1, 1},
        {BYTES("\xe6\x97"), REPLACED, 1, 1},     // cut
        {BYTES("\xc0\x80"), REPLACED, 1, 1},     // overlong
        {BYTES("\xed\xa0\x80"), REPLACED, 1, 1}, // half of a pair
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        const struct glyph glyph = glyph_at(CASES[i].text, 0);
        if (!view_equal_text(glyph.shown, CASES[i].shown) || glyph.len != CASES[i].len ||
            glyph.columns != CASES[i].columns) {
            fail_msg("case %zu: '%.*s' for %zu bytes, %zu columns", i, (int)glyph.shown.len,
                     glyph.shown.data, glyph.len, glyph.columns);
        }
    }
}

static void every_byte_of_a_text_is_accounted_for(void **state)
{
    (void)state;
    const struct bytes_view text = BYTES("a\xe6\x97\xa5\x1b[31m\xff\xc3\xa4\xe2\x80\xae");
    size_t at = 0, columns = 0;
    while (at < text.len) {
        const struct glyph glyph = glyph_at(text, at);
        at += glyph.len;
        columns += glyph.columns;
    }
    assert_int_equal(at, text.len);
    assert_int_equal(columns, 11);
}

static void json_keeps_its_meaning(void **state)
{
    (void)state;
    static const struct {
        struct bytes_view text;
        const char *escaped;
    } CASES[] = {
        {BYTES(""), ""},
        {BYTES("{\"a\":\"b\"}\n"), "{\"a\":\"b\"}\n"},
        {BYTES("\xc3\xa4\xe6\x97\xa5"), "\xc3\xa4\xe6\x97\xa5"},
        {BYTES("a\xe2\x80\xae"
               "b\x7f"),
         "a\\u202eb\\u007f"},
        {BYTES("\xc2\x9b\x1b\r\0"), "\\u009b\\u001b\\u000d\\u0000"},
        {BYTES("\xf3\xa0\x80\x81x"), "\\udb40\\udc01x"},
        {BYTES("\xff\xc3"), REPLACED REPLACED},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct bytes out;
        bytes_init(&out, 256);
        glyph_escape(CASES[i].text, &out);
        assert_string_equal(bytes_text(&out), CASES[i].escaped);
        bytes_release(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(characters_are_shown_or_replaced),
        cmocka_unit_test(every_byte_of_a_text_is_accounted_for),
        cmocka_unit_test(json_keeps_its_meaning),
    };
    return cmocka_run_group_tests_name("glyph", tests, NULL, NULL);
}
