// Records of a spool file: whole ones come back as they went in; cut or changed ones are known.
#include "spool_record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>

#define LEN(array) (sizeof(array) / sizeof(array)[0])

static const struct bytes_view FIELDS[] = {{"call_id", 7}, {"c-1", 3},
                                           {"body", 4},    {"{\"a\":\"\0\xff dialinS1\"}", 19},
                                           {"peer", 4},    {"", 0}};

static struct bytes two_records(void)
{
    struct bytes out;
    bytes_init(&out, SPOOL_RECORD_BYTES_MAX);
    assert_true(spool_record_write(&out, LEN(FIELDS), FIELDS));
    assert_true(spool_record_write(&out, 2, FIELDS));
    return out;
}

static void what_is_written_is_read_again(void **state)
{
    (void)state;
    struct bytes data = two_records();
    struct spool_record record;
    assert_int_equal(spool_record_read(bytes_view(&data), &record), SPOOL_RECORD_WHOLE);
    assert_int_equal(record.len, spool_record_bytes(LEN(FIELDS), FIELDS));
    assert_int_equal(record.count, LEN(FIELDS));
    for (size_t i = 0; i < LEN(FIELDS); i++) {
        assert_true(view_equal(record.fields[i], FIELDS[i]));
    }
    struct bytes_view rest = {data.data + record.len, data.len - record.len};
    assert_int_equal(spool_record_read(rest, &record), SPOOL_RECORD_WHOLE);
    assert_int_equal(record.count, 2);
    assert_int_equal(record.len, rest.len);
    bytes_release(&data);
}

static void a_record_cut_anywhere_is_cut(void **state)
{
    (void)state;
    struct bytes data;
    struct spool_record record;
    bytes_init(&data, SPOOL_RECORD_BYTES_MAX);
    assert_true(spool_record_write(&data, LEN(FIELDS), FIELDS));
    for (size_t len = 1; len < data.len; len++) {
        struct bytes_view cut = {data.data, len};
        assert_int_equal(spool_record_read(cut, &record), SPOOL_RECORD_CUT);
        assert_int_equal(record.len, 0);
    }
    bytes_release(&data);
}

static void a_changed_byte_is_never_overlooked(void **state)
{
    (void)state;
    struct bytes data = two_records();
    struct spool_record record;
    assert_int_equal(spool_record_read(bytes_view(&data), &record), SPOOL_RECORD_WHOLE);
    size_t first = record.len;
    for (size_t i = 0; i < first; i++) {
        data.data[i] ^= 1;
        assert_int_not_equal(spool_record_read(bytes_view(&data), &record), SPOOL_RECORD_WHOLE);
        data.data[i] ^= 1;
    }
    bytes_release(&data);
}

static void the_next_record_is_found_behind_a_damaged_one(void **state)
{
    (void)state;
    struct bytes data = two_records();
    struct spool_record record;
    assert_int_equal(spool_record_read(bytes_view(&data), &record), SPOOL_RECORD_WHOLE);
    size_t second = record.len, at = 0;
    data.data[20] ^= 1;
    while (at < data.len) { // what looks like a record within the body is passed by
        struct bytes_view rest = {data.data + at, data.len - at};
        if (spool_record_read(rest, &record) == SPOOL_RECORD_WHOLE) {
            break;
        }
        at += spool_record_next(rest);
    }
    assert_int_equal(at, second);
    bytes_release(&data);
}

static void zeros_are_no_record(void **state)
{
    (void)state;
    static const char ZEROS[4096] = {0};
    struct spool_record record;
    struct bytes_view data = {ZEROS, sizeof ZEROS};
    assert_int_equal(spool_record_read(data, &record), SPOOL_RECORD_DAMAGED);
    assert_int_equal(spool_record_next(data), sizeof ZEROS);
}

static void what_is_too_long_is_refused(void **state)
{
    (void)state;
    static char large[SPOOL_RECORD_BYTES_MAX];
    const struct bytes_view fields[] = {{"body", 4}, {large, sizeof large}};
    struct bytes out;
    bytes_init(&out, 2 * SPOOL_RECORD_BYTES_MAX);
    assert_false(spool_record_write(&out, 2, fields));
    assert_int_equal(out.len, 0);
    bytes_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_again),
        cmocka_unit_test(a_record_cut_anywhere_is_cut),
        cmocka_unit_test(a_changed_byte_is_never_overlooked),
        cmocka_unit_test(the_next_record_is_found_behind_a_damaged_one),
        cmocka_unit_test(zeros_are_no_record),
        cmocka_unit_test(what_is_too_long_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
