// What snapshot.lua returns, read: the agents' states, the forecast, the account, the sentence.
#include "snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define NOW "1700000100000"

// A reply in a short form: ( ) a list, i a whole number up to the blank, n nil, and words.
static void append(struct bytes *out, const char *text)
{
    for (const char *at = text; *at;) {
        size_t len = strcspn(at, " ()");
        if (*at == '(') {
            int depth = 0;
            size_t count = 0;
            bool in_word = false;
            for (const char *c = at; depth > 0 || c == at; c++) {
                bool is_item = depth == 1 && !strchr(" ()", *c) && !in_word;
                count += is_item || (depth == 1 && *c == '(');
                in_word = !strchr(" ()", *c);
                depth += (*c == '(') - (*c == ')');
            }
            bytes_printf(out, "*%zu\r\n", count);
            at++;
        } else if (len == 0) {
            at++;
        } else {
            if (*at == 'i') {
                bytes_printf(out, ":%.*s\r\n", (int)len - 1, at + 1);
            } else if (len == 1 && *at == '~') {
                bytes_append_text(out, "$-1\r\n");
            } else {
                bytes_printf(out, "$%zu\r\n%.*s\r\n", len, (int)len, at);
            }
            at += len;
        }
    }
}

static redisReply *reply_of(const char *text)
{
    struct bytes wire;
    void *reply = NULL;
    bytes_init(&wire, 1 << 20);
    append(&wire, text);
    redisReader *reader = redisReaderCreate();
    redisReaderFeed(reader, wire.data, wire.len);
    assert_int_equal(redisReaderGetReply(reader, &reply), REDIS_OK);
    assert_non_null(reply);
    redisReaderFree(reader);
    bytes_release(&wire);
    return reply;
}

// Queue, counts, agents, waiting, programs, events, sample.
#define REPLY(queue, counts, agents, waiting, sample)                                              \
    "(i" NOW " " queue " " counts " " agents " " waiting " () () " sample ")"
#define QUIET "(i0 i0 i0 i0 i1 i0 i0)"
#define NO_PACE "(~ ~ ~ ~ ~ ~ ~)"

static enum snapshot_level read(const char *text, struct snapshot *snapshot, redisReply **reply,
                                char sentence[SNAPSHOT_SENTENCE_BYTES])
{
    *reply = reply_of(text);
    assert_true(snapshot_read(snapshot, *reply));
    return snapshot_sentence(snapshot, sentence);
}

static void the_sentence_says_how_it_is(void **state)
{
    (void)state;
    static const struct {
        const char *reply;
        enum snapshot_level level;
        const char *sentence;
    } CASES[] = {
        {REPLY(QUIET, "()", "()", "()", "()"), SNAPSHOT_GOOD, "No call yet."},
        {REPLY("(i5 i0 i0 i0 i2 i0 i0)", "(started 5)",
               "((a i0 ~ i4 i30000 " NO_PACE " 0 i0 () i0))", "()", "()"),
         SNAPSHOT_GOOD, "Nobody waits."},
        {REPLY("(i5 i5 i0 i0 i0 i1700000090000 i0)", "()", "()", "()", "()"), SNAPSHOT_BAD,
         "No worker runs: nobody serves the 5 new calls. Nobody waits."},
        {REPLY("(i5 i2 i0 i0 i1 i1700000090000 i0)", "(started 3)", "()", "()", "()"), SNAPSHOT_BAD,
         "The workers are too slow: the oldest new call has not been read for 10 s. Nobody waits."},
        {REPLY("(i5 i0 i0 i0 i2 i0 i0)", "(started 4)", "()", "()", "()"), SNAPSHOT_BAD,
         "The account does not add up: it is off by 1. Nobody waits."},
        // 2 wait, 3 starts in 30 s: turns after 10 s and 20 s.
        {REPLY("(i2 i0 i2 i2 i1 i0 i0)", "()",
               "((a i2 ~ i3 i30000 (1 0 3 0 1 429 ~) 1700000130000 i1700000050000 (1700000111000 "
               "1700000121000) i2))",
               "()", "()"),
         SNAPSHOT_BUSY, "2 callers wait; at 0.1 starts a second, all will be served in time."},
        {REPLY("(i2 i0 i2 i2 i1 i0 i0)", "()",
               "((a i2 ~ i3 i30000 (1 0 3 0 1 429 ~) 1700000130000 i1700000050000 (1700000111000 "
               "1700000119000) i2))",
               "()", "()"),
         SNAPSHOT_BAD, "2 callers wait; at 0.1 starts a second, about 1 of them will be lost."},
        // The second is called back: it does not hold.
        {REPLY("(i2 i0 i2 i2 i1 i0 i0)", "()",
               "((a i2 ~ i3 i30000 (1 0 3 0 1 429 ~) 1700000111000 i1700000050000 (1700000111000 "
               "1700000119000) i1))",
               "()", "()"),
         SNAPSHOT_BUSY, "2 callers wait; at 0.1 starts a second, all will be served in time."},
        {REPLY("(i1 i0 i1 i1 i1 i0 i0)", "()",
               "((a i1 ~ i0 i30000 (1 0 1 0 1 401 ~) 1700000130000 i1700000050000 (1700000111000) "
               "i1))",
               "()", "()"),
         SNAPSHOT_BAD,
         "Agent a rejects our configuration (HTTP 401). 1 caller waits; no call was started in the "
         "last 30 s, so it is unknown who will be served."},
        {REPLY("(i0 i0 i0 i0 i1 i0 i0)", "()",
               "((a i0 ~ i0 i30000 (1 0 1 5 1 0 refused) 0 i0 () i0))", "()", "()"),
         SNAPSHOT_BAD, "Agent a cannot be reached. No call yet."},
        {REPLY("(i1 i0 i1 i1 i1 i0 i0)", "()",
               "((a i1 1699999999000 i9 i30000 " NO_PACE
               " 1700000130000 i1700000050000 (1700000111000) i1))",
               "()", "()"),
         SNAPSHOT_BAD,
         "Agent a is paused. 1 caller waits; no call was started in the last 30 s, so it is "
         "unknown "
         "who will be served."},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct snapshot snapshot;
        redisReply *reply = NULL;
        char sentence[SNAPSHOT_SENTENCE_BYTES];
        assert_int_equal(read(CASES[i].reply, &snapshot, &reply, sentence), CASES[i].level);
        assert_string_equal(sentence, CASES[i].sentence);
        freeReplyObject(reply);
    }
}

static void named_calls_know_when_they_are_served(void **state)
{
    (void)state;
    struct snapshot snapshot;
    redisReply *reply = NULL;
    char sentence[SNAPSHOT_SENTENCE_BYTES];
    read(REPLY("(i2 i0 i2 i2 i1 i0 i0)", "()",
               "((b i0 ~ i0 i1 " NO_PACE
               " 0 i0 () i0) (a i2 ~ i3 i30000 (1 1700000100250 3 0 1 429 ~) "
               "1700000130000 i1700000050000 (1700000109000 1700000119000) i2))",
               "((i2 i1 c-1 1700000109000 (+1 +2 dialin 1700000050000 4 429 ~)) "
               "(i2 i2 c-2 1700000119000 (+3 +2 dialin 1700000060000 ~ ~ ~)) "
               "(i9 i1 c-3 1700000119000 (~ ~ ~ ~ ~ ~ ~)))",
               "()"),
         &snapshot, &reply, sentence);
    assert_int_equal(snapshot.call_count, 2); // an agent that is not in the list has none
    const struct snapshot_call *first = &snapshot.calls[0], *second = &snapshot.calls[1];
    assert_int_equal(first->verdict, FORECAST_LOST);
    assert_int_equal(first->waited_ms, 50000);
    assert_int_equal(first->hold_left_ms, 9000);
    assert_int_equal(first->hold_ms, 59000);
    assert_int_equal(first->attempts, 4);
    assert_int_equal(second->verdict, FORECAST_SERVED);
    assert_int_equal(second->served_in_ms, 10000);
    assert_int_equal(snapshot.agents[1].state, SNAPSHOT_FULL);
    assert_int_equal(snapshot.agents[1].next_in_ms, 250);
    assert_int_equal(snapshot.agents[1].lost, 1);
    assert_int_equal(snapshot.agents[0].state, SNAPSHOT_FREE);
    freeReplyObject(reply);
}

static void figures_of_a_span_are_differences(void **state)
{
    (void)state;
    struct snapshot snapshot;
    redisReply *reply = NULL;
    char sentence[SNAPSHOT_SENTENCE_BYTES];
    read(REPLY("(i30 i0 i0 i0 i1 i0 i0)",
               "(started 20 dead 10 dead:expired 6 dead:declined 4 waited:2 12 waited:30 8 "
               "waited_ms 9000)",
               "()", "()",
               "(i28333330 (at_ms 1699999800000 started 8 dead 3 dead:expired 2 waited:2 8 "
               "waited_ms 1000))"),
         &snapshot, &reply, sentence);
    assert_int_equal(snapshot.difference, 0);
    assert_int_equal(snapshot.span.ms, 300000);
    assert_int_equal(snapshot.span.started, 12);
    assert_int_equal(snapshot.span.lost, 4);
    assert_int_equal(snapshot.span.waited.count, 12);
    assert_int_equal(waited_within(&snapshot.span.waited, 20), 4);
    assert_int_equal(waited_percentile_ms(&snapshot.span.waited, 25), 1750);
    assert_int_equal(waited_percentile_ms(&snapshot.span.waited, 100), 30000);
    freeReplyObject(reply);
}

static void what_is_no_snapshot_is_refused(void **state)
{
    (void)state;
    static const char *const REPLIES[] = {"()", "word", "(i1 () () () () () () ())",
                                          "(i1 " QUIET " () (a) () () () ())",
                                          "(i1 " QUIET " (odd) () () () () ())"};
    for (size_t i = 0; i < sizeof REPLIES / sizeof REPLIES[0]; i++) {
        struct snapshot snapshot;
        redisReply *reply = reply_of(REPLIES[i]);
        assert_false(snapshot_read(&snapshot, reply));
        freeReplyObject(reply);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_sentence_says_how_it_is),
        cmocka_unit_test(named_calls_know_when_they_are_served),
        cmocka_unit_test(figures_of_a_span_are_differences),
        cmocka_unit_test(what_is_no_snapshot_is_refused),
    };
    return cmocka_run_group_tests_name("snapshot", tests, NULL, NULL);
}
