// A spool file comes from a disk that may have done anything to it: whatever its bytes are, reading
// ends, stays within them, and what is read as whole is what would be written.
#include "spool_record.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct bytes_view data = {(const char *)bytes, size};
    while (data.len > 0) {
        struct spool_record record;
        size_t step = 0;
        if (spool_record_read(data, &record) == SPOOL_RECORD_WHOLE) {
            struct bytes again;
            bytes_init(&again, SPOOL_RECORD_HEAD_BYTES + SPOOL_RECORD_BYTES_MAX);
            assert(spool_record_write(&again, record.count, record.fields));
            assert(again.len == record.len && memcmp(again.data, data.data, again.len) == 0);
            bytes_release(&again);
            step = record.len;
        } else {
            step = spool_record_next(data);
        }
        assert(step > 0 && step <= data.len);
        data = (struct bytes_view){data.data + step, data.len - step};
    }
    // What is written is read again, whatever its bytes are.
    const struct bytes_view fields[] = {{"body", 4}, {(const char *)bytes, size}};
    struct spool_record record;
    struct bytes out;
    bytes_init(&out, SPOOL_RECORD_HEAD_BYTES + SPOOL_RECORD_BYTES_MAX);
    assert(spool_record_write(&out, 2, fields));
    assert(spool_record_read(bytes_view(&out), &record) == SPOOL_RECORD_WHOLE);
    assert(record.len == out.len && view_equal(record.fields[1], fields[1]));
    bytes_release(&out);
    return 0;
}
