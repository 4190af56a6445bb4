// See spool_record.h. Numbers are hex digits, so that a spool file can be read by eye in an
// emergency.
#include "spool_record.h"

#include "signature.h"

#include <stdint.h>
#include <string.h>

#define MAGIC "dialinS1"
#define MAGIC_BYTES 8
#define NUMBER_BYTES 8

size_t spool_record_bytes(size_t count, const struct bytes_view *fields)
{
    size_t bytes = SPOOL_RECORD_HEAD_BYTES;
    for (size_t i = 0; i < count; i++) {
        bytes += NUMBER_BYTES + fields[i].len;
    }
    return bytes;
}

bool spool_record_write(struct bytes *out, size_t count, const struct bytes_view *fields)
{
    struct bytes payload;
    char sha256[SIGNATURE_SHA256_HEX];
    bytes_init(&payload, SPOOL_RECORD_BYTES_MAX);
    bool fits = count <= SPOOL_RECORD_FIELDS_MAX;
    for (size_t i = 0; fits && i < count; i++) {
        fits = bytes_printf(&payload, "%08zx", fields[i].len) &&
               bytes_append_view(&payload, fields[i]);
    }
    if (fits) {
        signature_sha256(bytes_view(&payload), sha256);
        size_t before = out->len;
        fits = bytes_printf(out, MAGIC "%08zx%s", payload.len, sha256) &&
               bytes_append_view(out, bytes_view(&payload));
        out->len = fits ? out->len : before;
    }
    bytes_release(&payload);
    return fits;
}

static bool read_number(const char *at, size_t *number)
{
    static const char DIGITS[] = "0123456789abcdef";
    *number = 0;
    for (size_t i = 0; i < NUMBER_BYTES; i++) {
        const char *digit = at[i] ? strchr(DIGITS, at[i]) : NULL;
        if (!digit) {
            return false;
        }
        *number = *number * 16 + (size_t)(digit - DIGITS);
    }
    return true;
}

static bool read_fields(struct bytes_view payload, struct spool_record *record)
{
    record->count = 0;
    while (payload.len > 0) {
        size_t len = 0;
        if (payload.len < NUMBER_BYTES || !read_number(payload.data, &len) ||
            len > payload.len - NUMBER_BYTES || record->count == SPOOL_RECORD_FIELDS_MAX) {
            return false;
        }
        record->fields[record->count++] = (struct bytes_view){payload.data + NUMBER_BYTES, len};
        payload.data += NUMBER_BYTES + len;
        payload.len -= NUMBER_BYTES + len;
    }
    return record->count > 0 && record->count % 2 == 0;
}

enum spool_record_verdict spool_record_read(struct bytes_view data, struct spool_record *record)
{
    char sha256[SIGNATURE_SHA256_HEX];
    size_t len = 0, known = data.len < MAGIC_BYTES ? data.len : MAGIC_BYTES;
    record->len = 0;
    if (memcmp(data.data, MAGIC, known) != 0) {
        return SPOOL_RECORD_DAMAGED;
    }
    if (data.len < SPOOL_RECORD_HEAD_BYTES) {
        return SPOOL_RECORD_CUT;
    }
    if (!read_number(data.data + MAGIC_BYTES, &len) || len > SPOOL_RECORD_BYTES_MAX) {
        return SPOOL_RECORD_DAMAGED;
    }
    if (data.len - SPOOL_RECORD_HEAD_BYTES < len) {
        return SPOOL_RECORD_CUT;
    }
    struct bytes_view payload = {data.data + SPOOL_RECORD_HEAD_BYTES, len};
    signature_sha256(payload, sha256);
    if (memcmp(data.data + MAGIC_BYTES + NUMBER_BYTES, sha256, sizeof sha256 - 1) != 0 ||
        !read_fields(payload, record)) {
        return SPOOL_RECORD_DAMAGED;
    }
    record->len = SPOOL_RECORD_HEAD_BYTES + len;
    return SPOOL_RECORD_WHOLE;
}

size_t spool_record_next(struct bytes_view data)
{
    if (data.len < 2) {
        return data.len;
    }
    const char *found = memmem(data.data + 1, data.len - 1, MAGIC, MAGIC_BYTES);
    return found ? (size_t)(found - data.data) : data.len;
}
