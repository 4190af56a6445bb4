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

// What is kept from one reading to the next; of each test its own.
static struct snapshot_memory *memory;

static int open_memory(void **state)
{
    (void)state;
    memory = snapshot_memory_open();
    return 0;
}

static int close_memory(void **state)
{
    (void)state;
    snapshot_memory_close(memory);
    return 0;
}

// The arguments that ask for everything, in one line.
static const char *asked(char line[512])
{
    struct snapshot_query query = snapshot_query_all();
    struct bytes_view argv[SNAPSHOT_ARGS_MAX];
    size_t count = snapshot_args(memory, &query, argv), len = 0;
    for (size_t i = 0; i < count; i++) {
        len += (size_t)snprintf(line + len, 512 - len, "%.*s ", (int)argv[i].len, argv[i].data);
    }
    return line;
}

static bool reads(const char *text, struct snapshot *snapshot, redisReply **reply)
{
    char line[512];
    asked(line);
    *reply = reply_of(text);
    return snapshot_read(snapshot, *reply, memory);
}

static enum snapshot_level read(const char *text, struct snapshot *snapshot, redisReply **reply,
                                char sentence[SNAPSHOT_SENTENCE_BYTES])
{
    assert_true(reads(text, snapshot, reply));
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
               "((a i0 ~ i4 i30000 " NO_PACE " 0 i0 () i0 0))", "()", "()"),
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
               "1700000121000) i2 0))",
               "()", "()"),
         SNAPSHOT_BUSY, "2 callers wait; at 0.1 starts a second, all will be served in time."},
        {REPLY("(i2 i0 i2 i2 i1 i0 i0)", "()",
               "((a i2 ~ i3 i30000 (1 0 3 0 1 429 ~) 1700000130000 i1700000050000 (1700000111000 "
               "1700000119000) i2 0))",
               "()", "()"),
         SNAPSHOT_BAD, "2 callers wait; at 0.1 starts a second, about 1 of them will be lost."},
        // The second is called back: it does not hold.
        {REPLY("(i2 i0 i2 i2 i1 i0 i0)", "()",
               "((a i2 ~ i3 i30000 (1 0 3 0 1 429 ~) 1700000111000 i1700000050000 (1700000111000 "
               "1700000119000) i1 0))",
               "()", "()"),
         SNAPSHOT_BUSY,
         "1 caller waits; at 0.1 starts a second, all will be served in time. 1 call back or "
         "dial-out waits."},
        {REPLY("(i3 i0 i3 i3 i1 i0 i0)", "()",
               "((a i3 ~ i0 i30000 (1 0 3 0 1 429 ~) 0 i0 (1700000111000 1700000119000 "
               "1700000119000) i0 0))",
               "()", "()"),
         SNAPSHOT_GOOD, "Nobody is on hold. 3 call backs and dial-outs wait."},
        {REPLY("(i1 i0 i1 i1 i1 i0 i0)", "()",
               "((a i1 ~ i0 i30000 (1 0 1 0 1 401 ~) 1700000130000 i1700000050000 (1700000111000) "
               "i1 0))",
               "()", "()"),
         SNAPSHOT_BAD,
         "Agent a rejects our configuration (HTTP 401). 1 caller waits; no call was started in the "
         "last 30 s, so it is unknown who will be served."},
        {REPLY("(i0 i0 i0 i0 i1 i0 i0)", "()",
               "((a i0 ~ i0 i30000 (1 0 1 5 1 0 refused) 0 i0 () i0 0))", "()", "()"),
         SNAPSHOT_BAD, "Agent a cannot be reached. No call yet."},
        {REPLY("(i1 i0 i1 i1 i1 i0 i0)", "()",
               "((a i1 1699999999000 i9 i30000 " NO_PACE
               " 1700000130000 i1700000050000 (1700000111000) i1 0))",
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
               " 0 i0 () i0 0) (a i2 ~ i3 i30000 (1 1700000100250 3 0 1 429 ~) "
               "1700000130000 i1700000050000 (1700000109000 1700000119000) i2 0))",
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
        redisReply *reply = NULL;
        assert_false(reads(REPLIES[i], &snapshot, &reply));
        freeReplyObject(reply);
    }
}

#define ONE_AGENT(holds, score)                                                                    \
    "((a i2 ~ i3 i30000 " NO_PACE " 1700000130000 i1700000050000 (" holds ") i2 " score "))"
#define CALL_KNOWN "(i1 i1 c-1 1700000109000 ~)"
#define CALL_NEW(id, to) "(i1 i1 " id " 1700000109000 (+1 " to " dialin 1700000050000 4 429 ~))"

static void the_fields_of_a_call_are_read_once(void **state)
{
    (void)state;
    struct snapshot snapshot;
    redisReply *reply = NULL;
    char line[512];
    assert_string_equal(asked(line), "64 20 0 1 5 ");
    assert_true(reads(REPLY(QUIET, "()", ONE_AGENT("1700000109000", "0"),
                            "(" CALL_NEW("c-1", "+2") CALL_NEW("c-2", "+3") ")",
                            "(i28333330 (at_ms 1699999800000 started 8))"),
                      &snapshot, &reply));
    freeReplyObject(reply);
    assert_string_equal(asked(line), "64 20 0 2 0 c-1 c-2 "); // programs only after a problem
    assert_true(reads(REPLY(QUIET, "(started 9)", ONE_AGENT("1700000109000", "0"),
                            "(" CALL_NEW("c-3", "+4") CALL_KNOWN ")", "()"),
                      &snapshot, &reply));
    assert_int_equal(snapshot.call_count, 2);
    assert_string_equal(snapshot.calls[0].to, "+4");
    assert_string_equal(snapshot.calls[1].to, "+2");
    assert_int_equal(snapshot.calls[1].attempts, 4);
    assert_int_equal(snapshot.calls[1].waited_ms, 50000);
    assert_int_equal(snapshot.span.started, 1); // of the sample read before
    freeReplyObject(reply);
    assert_string_equal(asked(line), "64 20 0 2 0 c-3 c-1 "); // c-2 has left
    assert_true(reads(
        REPLY(QUIET, "()", ONE_AGENT("1700000109000", "0"), "((i1 i1 c-4 1700000109000 ~))", "()"),
        &snapshot, &reply));
    assert_string_equal(snapshot.calls[0].from, ""); // Redis claims that it is known
    freeReplyObject(reply);
}

// --- deep walks ----------------------------------------------------------------------------------

#define DEEP_CALLERS 250
#define DEEP_LINE                                                                                  \
    "((a i250 ~ i3 i30000 " NO_PACE " 1700000130000 i1700000050000 (1700000190000) i250 1001))"

// Callers in the order of their scores from 1001 on, until then on hold; as depth.lua returns them.
static redisReply *page(unsigned first, unsigned last, uint64_t hold_end_ms)
{
    struct bytes text;
    bytes_init(&text, 1 << 16);
    bytes_append_text(&text, "((");
    for (unsigned place = first; place <= last; place++) {
        bytes_printf(&text, "%u ", 1001 + place);
    }
    bytes_append_text(&text, ") (");
    for (unsigned place = first; place <= last; place++) {
        bytes_printf(&text, "%llu ", (unsigned long long)hold_end_ms);
    }
    bytes_append_text(&text, "))");
    redisReply *reply = reply_of(bytes_text(&text));
    bytes_release(&text);
    return reply;
}

static uint64_t lost_now(void)
{
    struct snapshot snapshot;
    redisReply *reply = NULL;
    assert_true(reads(REPLY(QUIET, "()", DEEP_LINE, "()", "()"), &snapshot, &reply));
    freeReplyObject(reply);
    return snapshot.agents[0].lost;
}

static const char *page_asked(char line[512])
{
    struct bytes_view argv[SNAPSHOT_ARGS_MAX];
    size_t count = snapshot_depth_args(memory, argv), len = 0;
    line[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        len += (size_t)snprintf(line + len, 512 - len, "%.*s ", (int)argv[i].len, argv[i].data);
    }
    return line;
}

static void take_page(unsigned first, unsigned last, uint64_t hold_end_ms)
{
    redisReply *reply = page(first, last, hold_end_ms);
    snapshot_depth_read(memory, reply);
    freeReplyObject(reply);
}

// The rate allows nine turns in the 90 s of the longest hold known. The deep walk finds out that
// all but the first hold for 11 s only.
static void a_deep_walk_counts_one_by_one(void **state)
{
    (void)state;
    char line[512];
    assert_int_equal(lost_now(), DEEP_CALLERS - 9);
    assert_string_equal(page_asked(line), "a 1 100 ");
    take_page(1, 100, 1700000111000);
    assert_string_equal(page_asked(line), "a 101 200 ");
    take_page(90, 189, 1700000111000); // who stands in both pages is there once
    assert_string_equal(page_asked(line), "a 201 249 ");
    assert_int_equal(lost_now(), DEEP_CALLERS - 9); // the walk has not ended
    take_page(190, 246, 1700000111000);
    assert_string_equal(page_asked(line), "");
    // The first is served, 246 are lost. Of the other three it knows the longest hold only: they
    // are served in the second turn, the third and the fourth.
    assert_int_equal(lost_now(), 246);
    assert_string_equal(page_asked(line), ""); // for ten seconds
}

static void a_deep_walk_ends_with_a_short_page(void **state)
{
    (void)state;
    char line[512];
    lost_now();
    assert_string_equal(page_asked(line), "a 1 100 ");
    take_page(1, 100, 1700000191000); // 91 s: nine turns, of which the first is had
    assert_string_equal(page_asked(line), "a 101 200 ");
    take_page(101, 199, 1700000111000);
    assert_string_equal(page_asked(line), "");
    assert_int_equal(lost_now(), DEEP_CALLERS - 9);
}

static void a_deep_walk_that_fails_ends(void **state)
{
    (void)state;
    static const char *const REPLIES[] = {"word", "(() ())", "((1) (1 2))", "((1))", "((~) (~))"};
    char line[512];
    for (size_t i = 0; i <= sizeof REPLIES / sizeof REPLIES[0]; i++) {
        bool has_reply = i < sizeof REPLIES / sizeof REPLIES[0];
        redisReply *reply = has_reply ? reply_of(REPLIES[i]) : NULL;
        struct snapshot_memory *shared = memory;
        memory = snapshot_memory_open();
        snapshot_depth_read(memory, reply); // nobody asked for it
        lost_now();
        assert_string_equal(page_asked(line), "a 1 100 ");
        snapshot_depth_read(memory, reply);
        assert_string_equal(page_asked(line), "");
        assert_int_equal(lost_now(), DEEP_CALLERS - 9);
        snapshot_memory_close(memory);
        memory = shared;
        freeReplyObject(reply);
    }
}

#define MEMORY_TEST(test) cmocka_unit_test_setup_teardown(test, open_memory, close_memory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        MEMORY_TEST(the_sentence_says_how_it_is),
        MEMORY_TEST(named_calls_know_when_they_are_served),
        MEMORY_TEST(figures_of_a_span_are_differences),
        MEMORY_TEST(what_is_no_snapshot_is_refused),
        MEMORY_TEST(the_fields_of_a_call_are_read_once),
        MEMORY_TEST(a_deep_walk_counts_one_by_one),
        MEMORY_TEST(a_deep_walk_ends_with_a_short_page),
        MEMORY_TEST(a_deep_walk_that_fails_ends),
    };
    return cmocka_run_group_tests_name("snapshot", tests, NULL, NULL);
}
