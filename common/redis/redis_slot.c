// See redis_slot.h. The checksum is CRC-16/XMODEM, bit by bit: it is computed once a process.
#include "redis_slot.h"

#include <string.h>

static struct bytes_view tag_of(struct bytes_view key)
{
    const char *open = key.len > 0 ? memchr(key.data, '{', key.len) : NULL;
    size_t rest = open ? key.len - (size_t)(open - key.data) - 1 : 0;
    const char *end = rest > 0 ? memchr(open + 1, '}', rest) : NULL;
    return end && end > open + 1 ? (struct bytes_view){open + 1, (size_t)(end - open) - 1} : key;
}

unsigned redis_slot_of(struct bytes_view key)
{
    const struct bytes_view tag = tag_of(key);
    unsigned crc = 0;
    for (size_t i = 0; i < tag.len; i++) {
        crc ^= (unsigned)(unsigned char)tag.data[i] << 8;
        for (int bit = 0; bit < 8; bit++) {
            crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
        }
        crc &= 0xffff;
    }
    return crc % REDIS_SLOTS;
}
