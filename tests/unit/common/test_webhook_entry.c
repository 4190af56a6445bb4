// The stream entry: what is written is read again, and what is not an entry is refused with a
// sentence.
#include "webhook_entry.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#define REPLY_BYTES_MAX 65536
#define GOOD_FIELDS                                                                                \
    "v", "1", "kind", "dialin", "call_id", "c-1", "received_ms", "1790000000000", "body", "{}",    \
        "sha256", "44136f"

// The reply that hiredis makes of RESP; freed by freeReplyObject().
static redisReply *reply_of(const char *resp, size_t len)
{
    void *reply = NULL;
    redisReader *reader = redisReaderCreate();
    assert_int_equal(redisReaderFeed(reader, resp, len), REDIS_OK);
    assert_int_equal(redisReaderGetReply(reader, &reply), REDIS_OK);
    redisReaderFree(reader);
    assert_non_null(reply);
    return reply;
}

static redisReply *reply_of_views(const struct bytes_view *views, size_t count)
{
    struct bytes resp;
    bytes_init(&resp, REPLY_BYTES_MAX);
    bytes_printf(&resp, "*%zu\r\n", count);
    for (size_t i = 0; i < count; i++) {
        bytes_printf(&resp, "$%zu\r\n", views[i].len);
        bytes_append_view(&resp, views[i]);
        bytes_append_text(&resp, "\r\n");
    }
    redisReply *reply = reply_of(resp.data, resp.len);
    bytes_release(&resp);
    return reply;
}

static redisReply *reply_of_texts(const char *const *texts)
{
    struct bytes_view views[32];
    size_t count = 0;
    for (; texts[count]; count++) {
        views[count] = view_of_text(texts[count]);
    }
    return reply_of_views(views, count);
}

static const struct webhook_entry ENTRY = {
    .kind = WEBHOOK_DIALOUT,
    .call_id = {"c-1", 3},
    .received_ms = 1790000000123,
    .timestamp = {"1790000000", 10},
    .signature = {"UBC5", 4},
    .peer = {"127.0.0.1", 9},
    .body = {"{\"a\":\"\r\n\0\xff\"}", 12},
    .sha256 = {"ba7816bf", 8},
};

static void an_entry_is_appended_field_by_field(void **state)
{
    (void)state;
    static const char *const EXPECTED[] = {
        "v",         "1",           "kind",          "dialout",   "call_id",
        "c-1",       "received_ms", "1790000000123", "timestamp", "1790000000",
        "signature", "UBC5",        "peer",          "127.0.0.1"};
    struct webhook_entry_fields fields;
    webhook_entry_to_fields(&ENTRY, &fields);
    assert_int_equal(fields.count, 18);
    for (size_t i = 0; i < sizeof EXPECTED / sizeof EXPECTED[0]; i++) {
        assert_true(view_equal_text(fields.views[i], EXPECTED[i]));
    }
    assert_true(view_equal_text(fields.views[14], "body"));
    assert_true(view_equal(fields.views[15], ENTRY.body));
    assert_true(view_equal_text(fields.views[16], "sha256"));
}

static void what_is_written_is_read_again(void **state)
{
    (void)state;
    for (int replay = 0; replay < 2; replay++) {
        struct webhook_entry entry = ENTRY, read;
        struct webhook_entry_fields fields;
        entry.kind = replay ? WEBHOOK_DIALIN : WEBHOOK_DIALOUT;
        entry.replay_of = replay ? VIEW("1790000000000-7") : VIEW("");
        entry.signed_for = replay ? VIEW("+14152251493") : VIEW("");
        entry.flaw = replay ? VIEW("To is absent") : VIEW("");
        webhook_entry_to_fields(&entry, &fields);
        assert_int_equal(fields.count, replay ? WEBHOOK_ENTRY_FIELDS : 18);
        redisReply *reply = reply_of_views(fields.views, fields.count);
        assert_null(webhook_entry_from_reply(&read, reply));
        assert_true(view_equal_text(read.version, WEBHOOK_ENTRY_VERSION));
        assert_int_equal(read.kind, entry.kind);
        assert_int_equal(read.received_ms, entry.received_ms);
        assert_true(view_equal(read.call_id, entry.call_id));
        assert_true(view_equal(read.timestamp, entry.timestamp));
        assert_true(view_equal(read.signature, entry.signature));
        assert_true(view_equal(read.peer, entry.peer));
        assert_true(view_equal(read.body, entry.body));
        assert_true(view_equal(read.sha256, entry.sha256));
        assert_true(view_equal(read.replay_of, entry.replay_of));
        assert_true(view_equal(read.signed_for, entry.signed_for));
        assert_true(view_equal(read.flaw, entry.flaw));
        freeReplyObject(reply);
    }
}

static void entries_are_read_or_refused(void **state)
{
    (void)state;
    static const struct {
        const char *texts[24];
        const char *problem; // a part of the sentence; NULL: it is good
        const char *version;
    } CASES[] = {
        {{GOOD_FIELDS}, NULL, "1"},
        {{GOOD_FIELDS, "timestamp", "", "signature", "", "peer", ""}, NULL, "1"},
        {{"shoe_size", "43", GOOD_FIELDS, "", ""}, NULL, "1"},
        {{"sha256", "44", "body", "{}", "received_ms", "0", "call_id", "c", "kind", "dialout", "v",
          "1"},
         NULL,
         "1"},
        {{"v", "2", "kind", "trunk", "call_id", "c", "received_ms", "1", "body", "{}", "sha256",
          "4"},
         NULL,
         "2"},
        {{"kind", "trunk", GOOD_FIELDS}, "version is not that of its kind", "1"},
        {{"v", "2", GOOD_FIELDS}, "version is not that of its kind", "2"},
        {{"v", "3", "kind", "fax", "whatever", "x"}, "unknown to this program", "3"},
        {{"v", "", GOOD_FIELDS}, "'v'", ""},
        {{"kind", "dialin", "call_id", "c", "received_ms", "1", "body", "{}", "sha256", "4"},
         "'v'",
         ""},
        {{"V", "1", "kind", "dialin"}, "'v'", ""},
        {{"v", "1", "call_id", "c", "received_ms", "1", "body", "{}", "sha256", "4"},
         "'kind'",
         "1"},
        {{"kind", "fax", GOOD_FIELDS}, "'kind'", "1"},
        {{"kind", "dialin2", GOOD_FIELDS}, "'kind'", "1"},
        {{"kind", "", GOOD_FIELDS}, "'kind'", "1"},
        {{"v", "1", "kind", "dialin", "received_ms", "1", "body", "{}", "sha256", "4"},
         "'call_id'",
         "1"},
        {{"call_id", "", GOOD_FIELDS}, "'call_id'", "1"},
        {{"v", "1", "kind", "dialin", "call_id", "c", "received_ms", "1", "sha256", "4"},
         "'body'",
         "1"},
        {{"v", "1", "kind", "dialin", "call_id", "c", "received_ms", "1", "body", "{}"},
         "'sha256'",
         "1"},
        {{"v", "1", "kind", "dialin", "call_id", "c", "body", "{}", "sha256", "4"},
         "'received_ms'",
         "1"},
        {{"received_ms", "", GOOD_FIELDS}, "'received_ms'", "1"},
        {{"received_ms", "-1", GOOD_FIELDS}, "'received_ms'", "1"},
        {{"received_ms", "+1", GOOD_FIELDS}, "'received_ms'", "1"},
        {{"received_ms", " 1", GOOD_FIELDS}, "'received_ms'", "1"},
        {{"received_ms", "1.5", GOOD_FIELDS}, "'received_ms'", "1"},
        {{"received_ms", "99999999999999999999", GOOD_FIELDS}, "'received_ms'", "1"},
        {{GOOD_FIELDS, "odd"}, "pairs of strings", ""},
        {{NULL}, "'v'", ""},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct webhook_entry entry;
        redisReply *reply = reply_of_texts(CASES[i].texts);
        const char *problem = webhook_entry_from_reply(&entry, reply);
        if (!problem != !CASES[i].problem || !strstr(problem ?: "", CASES[i].problem ?: "") ||
            !view_equal_text(entry.version, CASES[i].version)) {
            fail_msg("case %zu: %s", i, problem ?: "accepted");
        }
        freeReplyObject(reply);
    }
}

// A NUL does not end a field: c-1 and "c-1\0x" are two calls.
static void fields_are_bytes(void **state)
{
    (void)state;
    struct webhook_entry entry;
    const struct bytes_view views[] = {
        VIEW("call_id"), VIEW("c-1\0x"), VIEW("v"),           VIEW("1\0"),        VIEW("kind"),
        VIEW("dialin"),  VIEW("body"),   VIEW("{}"),          VIEW("sha256"),     VIEW("4"),
        VIEW("v\0"),     VIEW("1"),      VIEW("received_ms"), VIEW("17900\0000"),
    };
    redisReply *reply = reply_of_views(views, sizeof views / sizeof views[0]);
    assert_non_null(strstr(webhook_entry_from_reply(&entry, reply), "version"));
    assert_int_equal(entry.call_id.len, 5);
    assert_int_equal(entry.received_ms, 0);
    freeReplyObject(reply);
}

static void replies_of_another_shape_are_refused(void **state)
{
    (void)state;
    static const char *const CASES[] = {
        "$-1\r\n",
        "*-1\r\n",
        ":1\r\n",
        "+OK\r\n",
        "-ERR no\r\n",
        "$1\r\nv\r\n",
        "*2\r\n$1\r\nv\r\n:1\r\n",
        "*2\r\n:1\r\n$1\r\n1\r\n",
        "*2\r\n$1\r\nv\r\n$-1\r\n",
        "*2\r\n$1\r\nv\r\n*1\r\n$1\r\n1\r\n",
        "*3\r\n$1\r\nv\r\n$1\r\n1\r\n$1\r\nx\r\n",
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct webhook_entry entry;
        redisReply *reply = reply_of(CASES[i], strlen(CASES[i]));
        const char *problem = webhook_entry_from_reply(&entry, reply);
        if (!problem || !strstr(problem, "pairs of strings") || entry.version.len > 0) {
            fail_msg("case %zu: %s", i, problem ?: "accepted");
        }
        freeReplyObject(reply);
    }
}

static void call_ids_are_printable_ascii(void **state)
{
    (void)state;
    static const struct {
        struct bytes_view call_id;
        bool is_valid;
    } CASES[] = {
        {{"c", 1}, true},
        {{"3f2b9c1e-0d5a-4d6f-9b1c-2f6d3f9a7c11", 36}, true},
        {{"!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", 32}, true},
        {{"two words", 9}, true},
        {{"", 0}, false},
        {{NULL, 0}, false},
        {{" c", 2}, false},
        {{"c ", 2}, false},
        {{" ", 1}, false},
        {{"a\nb", 3}, false},
        {{"a\r\nXADD", 7}, false},
        {{"a\tb", 3}, false},
        {{"a\0b", 3}, false},
        {{"a\x7f", 2}, false},
        {{"\xc3\xa4", 2}, false},
        {{"\xff", 1}, false},
    };
    char longest[WEBHOOK_CALL_ID_BYTES_MAX + 1];
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        if (webhook_call_id_is_valid(CASES[i].call_id, WEBHOOK_CALL_ID_BYTES_MAX) !=
            CASES[i].is_valid) {
            fail_msg("case %zu", i);
        }
    }
    memset(longest, 'c', sizeof longest);
    const struct bytes_view at_most = {longest, WEBHOOK_CALL_ID_BYTES_MAX};
    const struct bytes_view too_long = {longest, sizeof longest};
    assert_true(webhook_call_id_is_valid(at_most, WEBHOOK_CALL_ID_BYTES_MAX));
    assert_false(webhook_call_id_is_valid(too_long, WEBHOOK_CALL_ID_BYTES_MAX));
    assert_true(webhook_call_id_is_valid(too_long, WEBHOOK_RECORD_ID_BYTES_MAX));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_entry_is_appended_field_by_field),
        cmocka_unit_test(what_is_written_is_read_again),
        cmocka_unit_test(entries_are_read_or_refused),
        cmocka_unit_test(fields_are_bytes),
        cmocka_unit_test(replies_of_another_shape_are_refused),
        cmocka_unit_test(call_ids_are_printable_ascii),
    };
    return cmocka_run_group_tests_name("webhook_entry", tests, NULL, NULL);
}
