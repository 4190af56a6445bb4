// See base64.h.
#include "base64.h"

#include <stdint.h>

static int base64_value(char c)
{
    return c >= 'A' && c <= 'Z'   ? c - 'A'
           : c >= 'a' && c <= 'z' ? c - 'a' + 26
           : c >= '0' && c <= '9' ? c - '0' + 52
           : c == '+'             ? 62
           : c == '/'             ? 63
                                  : -1;
}

size_t base64_decode(struct bytes_view text, unsigned char *out, size_t size)
{
    size_t len = 0, digits = text.len;
    while (digits > 0 && text.len - digits < 2 && text.data[digits - 1] == '=') {
        digits--;
    }
    if (text.len == 0 || text.len % 4 != 0 || digits % 4 == 1) {
        return 0;
    }
    uint32_t bits = 0;
    unsigned bit_count = 0;
    for (size_t i = 0; i < digits; i++) {
        int value = base64_value(text.data[i]);
        if (value < 0) {
            return 0;
        }
        bits = (bits << 6 | (uint32_t)value) & 0xffffff;
        bit_count += 6;
        if (bit_count >= 8) {
            bit_count -= 8;
            if (len == size) {
                return 0;
            }
            out[len++] = (unsigned char)(bits >> bit_count);
        }
    }
    bool is_canonical = (bits & ((1U << bit_count) - 1)) == 0;
    return is_canonical ? len : 0;
}

bool base64_append(struct bytes *out, const unsigned char *data, size_t len)
{
    static const char DIGITS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *at = bytes_extend(out, (len + 2) / 3 * 4);
    for (size_t i = 0; at && i < len; i += 3) {
        size_t left = len - i;
        uint32_t bits = (uint32_t)data[i] << 16 | (left > 1 ? (uint32_t)data[i + 1] << 8 : 0) |
                        (left > 2 ? data[i + 2] : 0);
        *at++ = DIGITS[bits >> 18];
        *at++ = DIGITS[bits >> 12 & 63];
        *at++ = left > 1 ? DIGITS[bits >> 6 & 63] : '=';
        *at++ = left > 2 ? DIGITS[bits & 63] : '=';
    }
    return len == 0 || at;
}
