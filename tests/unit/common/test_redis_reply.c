// What may be read of a reply: shapes, members, numbers, texts; and slots, and refusals.
#include "redis_health.h"
#include "redis_reply.h"
#include "redis_slot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static redisReply *parsed(const char *wire)
{
    redisReader *reader = redisReaderCreate();
    void *reply = NULL;
    redisReaderFeed(reader, wire, strlen(wire));
    assert_int_equal(redisReaderGetReply(reader, &reply), REDIS_OK);
    assert_non_null(reply);
    redisReaderFree(reader);
    return reply;
}

static void knows_shapes(void **state)
{
    (void)state;
    static const struct {
        const char *wire, *shape;
        bool has_it;
    } CASES[] = {
        {"$1\r\na\r\n", "s", true},
        {"+OK\r\n", "s", true},
        {":1\r\n", "s", false},
        {"-ERR\r\n", "s", false},
        {"$-1\r\n", "s", false},
        {"$-1\r\n", "?s", true},
        {"*-1\r\n", "?[s]", true},
        {":-1\r\n", "i", true},
        {":-1\r\n", "n", false},
        {":9223372036854775807\r\n", "n", false},
        {":-9223372036854775808\r\n", "i", false},
        {":9007199254740992\r\n", "n", true},
        {"*0\r\n", "[s]", true},
        {"*2\r\n+a\r\n:1\r\n", "[s]", false},
        {"*2\r\n+a\r\n:1\r\n", "(si)", true},
        {"*2\r\n+a\r\n:1\r\n", "(s)", false},
        {"*2\r\n+a\r\n:1\r\n", "(sis)", false},
        {"*1\r\n+a\r\n", "<s>", false},
        {"*2\r\n+a\r\n+b\r\n", "<s>", true},
        {"*2\r\n$3\r\n1-1\r\n*2\r\n+a\r\n+b\r\n", REPLY_ROW, true},
        {"*2\r\n$3\r\n1-1\r\n*2\r\n+a\r\n:1\r\n", REPLY_ROW, false},
        {"*2\r\n$3\r\n1-1\r\n*-1\r\n", "(s?<s>)", true},
        {"*1\r\n*2\r\n+s\r\n*1\r\n*2\r\n$3\r\n1-1\r\n*0\r\n", "((s" REPLY_ROWS "))", true},
        {"*1\r\n*2\r\n+s\r\n*1\r\n*1\r\n$3\r\n1-1\r\n", "((s" REPLY_ROWS "))", false},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        redisReply *reply = parsed(CASES[i].wire);
        assert_int_equal(reply_has_shape(reply, CASES[i].shape), CASES[i].has_it);
        freeReplyObject(reply);
    }
    assert_false(reply_has_shape(NULL, "."));
}

static void reads_members_of_any_reply(void **state)
{
    (void)state;
    redisReply *reply = parsed("*4\r\n+name\r\n:7\r\n*1\r\n+x\r\n$2\r\nab\r\n");
    int64_t number = -3;
    char text[3];
    assert_int_equal(reply_count(reply), 4);
    assert_null(reply_at(reply, 4, REPLY_ANY));
    assert_null(reply_at(reply, 1, REDIS_REPLY_STRING));
    assert_false(reply_integer(reply_at(reply, 1, REDIS_REPLY_INTEGER), 8, 9, &number));
    assert_int_equal(number, -3);
    assert_int_equal(reply_integer_at(reply, 1, 0, 9, -1), 7);
    assert_int_equal(reply_integer_at(reply, 0, 0, 9, -1), -1);
    assert_int_equal(reply_member(reply, "name")->integer, 7);
    assert_null(reply_member(reply, "ab"));
    assert_true(reply_copy(reply->element[3], text, sizeof text));
    assert_string_equal(text, "ab");
    assert_false(reply_copy(reply->element[0], text, sizeof text));
    assert_string_equal(text, "");
    assert_int_equal(reply_count(NULL), 0);
    assert_null(reply_view(NULL).data);
    freeReplyObject(reply);
}

static void knows_slots(void **state)
{
    (void)state;
    assert_int_equal(redis_slot_of(VIEW("123456789")), 0x31C3 % 16384);
    assert_int_equal(redis_slot_of(VIEW("{dialin}")), redis_slot_of(VIEW("dialin")));
    assert_int_equal(redis_slot_of(VIEW("{dialin}:webhooks")), redis_slot_of(VIEW("dialin")));
    assert_int_equal(redis_slot_of(VIEW("foo")), 12182);
    assert_int_equal(redis_slot_of(VIEW("{}foo")), redis_slot_of(VIEW("{}foo")));
    assert_int_not_equal(redis_slot_of(VIEW("{}foo")), redis_slot_of(VIEW("{}bar")));
}

static void remembers_refusals_by_their_kind(void **state)
{
    (void)state;
    struct redis_health health = {0};
    redisReply *oom = parsed("-OOM full\r\n"), *fine = parsed("+OK\r\n"),
               *ours = parsed("-ERR The ID specified in XADD must be greater than 0-0\r\n");
    const uint64_t xadd = redis_health_kind(VIEW("XADD"), VIEW("key"));
    const uint64_t get = redis_health_kind(VIEW("GET"), VIEW("key"));
    assert_int_not_equal(xadd, get);
    assert_null(redis_health_refusal(&health, 0));
    assert_true(redis_health_note(&health, xadd, oom, 100));
    assert_false(redis_health_note(&health, get, fine, 101));
    assert_string_equal(redis_health_refusal(&health, 102), "OOM full");
    assert_null(redis_health_refusal(&health, 100 + REDIS_HEALTH_FORGET_MS));
    assert_false(redis_health_note(&health, xadd, ours, 103));
    assert_null(redis_health_refusal(&health, 104));
    for (uint64_t i = 0; i < 2 * REDIS_HEALTH_KINDS_MAX; i++) {
        redis_health_note(&health, i + 1, oom, 200 + i);
    }
    assert_string_equal(redis_health_refusal(&health, 300), "OOM full");
    freeReplyObject(oom);
    freeReplyObject(fine);
    freeReplyObject(ours);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_shapes),
        cmocka_unit_test(reads_members_of_any_reply),
        cmocka_unit_test(knows_slots),
        cmocka_unit_test(remembers_refusals_by_their_kind),
    };
    return cmocka_run_group_tests_name("redis_reply", tests, NULL, NULL);
}
