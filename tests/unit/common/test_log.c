// What a line looks like, what a value can never do to it, and what happens to lines that nobody
// reads. Standard error is a pipe while lines are written.
#include "json.h"
#include "log.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <regex.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TIME "^20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9]\\.[0-9]{3}Z "
#define LINES_MAX 100000

struct capture {
    int real_stderr, reader;
    char text[65536];
};

static void begin(struct capture *capture)
{
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    capture->real_stderr = dup(STDERR_FILENO);
    dup2(ends[1], STDERR_FILENO);
    close(ends[1]);
    capture->reader = ends[0];
}

// Reads what is there. Asserts come after end(): their messages go to standard error too.
static void drain(struct capture *capture)
{
    ssize_t len = read(capture->reader, capture->text, sizeof capture->text - 1);
    capture->text[len > 0 ? len : 0] = '\0';
}

static const char *end(struct capture *capture)
{
    drain(capture);
    dup2(capture->real_stderr, STDERR_FILENO);
    close(capture->real_stderr);
    close(capture->reader);
    return capture->text;
}

static bool matches(const char *text, const char *pattern)
{
    regex_t regex;
    assert_int_equal(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
    bool is_match = regexec(&regex, text, 0, NULL, 0) == 0;
    regfree(&regex);
    return is_match;
}

static void levels_are_known_in_any_case(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is_known;
        enum log_level level;
    } CASES[] = {
        {"error", true, LOG_LEVEL_ERROR},
        {"CRITICAL", true, LOG_LEVEL_ERROR},
        {"Warning", true, LOG_LEVEL_WARNING},
        {"WARN", true, LOG_LEVEL_WARNING},
        {"INFO", true, LOG_LEVEL_INFO},
        {"success", true, LOG_LEVEL_INFO},
        {"debug", true, LOG_LEVEL_DEBUG},
        {"TRACE", true, LOG_LEVEL_DEBUG},
        {"", false, 0},
        {"loud", false, 0},
        {"info ", false, 0},
        {"inf", false, 0},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        enum log_level level = LOG_LEVEL_ERROR;
        bool is_known = log_level_from_text(CASES[i].text, &level);
        if (is_known != CASES[i].is_known || (is_known && level != CASES[i].level)) {
            fail_msg("'%s'", CASES[i].text);
        }
    }
}

static void a_line_is_time_level_program_sentence_fields(void **state)
{
    (void)state;
    struct capture capture;
    log_open("unit", LOG_LEVEL_INFO, false);
    begin(&capture);
    log_info("call started", log_text("call_id", "c-1"), log_number("attempt", -1),
             log_text("empty", ""), log_text("absent", NULL));
    const char *text = end(&capture);
    if (!matches(text, TIME "info +unit: call started call_id=c-1 attempt=-1\n$")) {
        fail_msg("%s", text);
    }
}

static void values_are_escaped(void **state)
{
    (void)state;
    static const struct {
        struct bytes_view value;
        const char *as_text, *as_json;
    } CASES[] = {
        {{"plain", 5}, " v=plain\n", ",\"v\":\"plain\"}\n"},
        {{"two words", 9}, " v=\"two words\"\n", ",\"v\":\"two words\"}\n"},
        {{"a=b", 3}, " v=\"a=b\"\n", ",\"v\":\"a=b\"}\n"},
        {{"a\"b", 3}, " v=\"a\\\"b\"\n", ",\"v\":\"a\\\"b\"}\n"},
        {{"a\\b", 3}, " v=\"a\\\\b\"\n", ",\"v\":\"a\\\\b\"}\n"},
        {{"a\nb", 3}, " v=\"a\\x0ab\"\n", ",\"v\":\"a\\u000ab\"}\n"},
        {{"a\r\0\x1b", 4}, " v=\"a\\x0d\\x00\\x1b\"\n", ",\"v\":\"a\\u000d\\u0000\\u001b\"}\n"},
        {{"\x7f", 1}, " v=\"\\x7f\"\n", ",\"v\":\"\\\\x7f\"}\n"},
        {{"\xc3\xa4\xff", 3}, " v=\"\\xc3\\xa4\\xff\"\n", ",\"v\":\"\\\\xc3\\\\xa4\\\\xff\"}\n"},
        {{"\" level=\"error", 14},
         " v=\"\\\" level=\\\"error\"\n",
         ",\"v\":\"\\\" level=\\\"error\"}\n"},
    };
    for (size_t i = 0; i < 2 * sizeof CASES / sizeof CASES[0]; i++) {
        struct capture capture;
        const char *expected = i % 2 ? CASES[i / 2].as_json : CASES[i / 2].as_text;
        log_open("unit", LOG_LEVEL_INFO, i % 2);
        begin(&capture);
        log_info("event", log_view("v", CASES[i / 2].value));
        const char *text = end(&capture);
        const char *found = strstr(text, expected);
        if (!found || found[strlen(expected)] || strchr(text, '\n') != strrchr(text, '\n')) {
            fail_msg("expected %s got %s", expected, text);
        }
    }
}

static void of_a_phone_number_four_digits_show(void **state)
{
    (void)state;
    static const struct {
        const char *value, *line;
    } CASES[] = {
        {"+14158483432", " from=***3432\n"},
        {"4158483432", " from=***3432\n"},
        {"12345", " from=***2345\n"},
        {"1234", " from=***\n"},
        {"1", " from=***\n"},
        {"sip:alice@example.com", " from=***.com\n"},
        {"anonymous", " from=***mous\n"},
        {"+1415848\n 2", " from=\"***8\\x0a 2\"\n"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct capture capture;
        log_open("unit", LOG_LEVEL_INFO, false);
        begin(&capture);
        log_info("rang", log_phone("from", CASES[i].value));
        const char *text = end(&capture);
        if (!strstr(text, CASES[i].line)) {
            fail_msg("%s: %s", CASES[i].value, text);
        }
    }
}

static void lines_above_the_level_are_not_written(void **state)
{
    (void)state;
    struct capture capture;
    log_open("unit", LOG_LEVEL_WARNING, false);
    begin(&capture);
    log_error("an error");
    log_warning("a warning");
    log_info("an info");
    log_debug("a debug");
    const char *text = end(&capture);
    assert_true(log_is_on(LOG_LEVEL_ERROR) && log_is_on(LOG_LEVEL_WARNING));
    assert_false(log_is_on(LOG_LEVEL_INFO) || log_is_on(LOG_LEVEL_DEBUG));
    assert_non_null(strstr(text, "error   unit: an error\n"));
    assert_non_null(strstr(text, "warning unit: a warning\n"));
    assert_null(strstr(text, "info"));
    assert_null(strstr(text, "debug"));
}

// Values of every length around the maximum, of the bytes whose escapes are longest: the line ends
// in time, with one newline, and cut JSON is JSON.
static void a_long_line_is_cut_but_whole(void **state)
{
    (void)state;
    static char value[LOG_LINE_BYTES_MAX + 100];
    static const char FILLS[] = {'x', '"', '\x01', '\xff'};
    for (size_t i = 0; i < sizeof FILLS * 2 * 60; i++) {
        struct capture capture;
        struct json_document document;
        bool json = i % 2;
        size_t len = (FILLS[i / 2 % 4] == 'x' ? LOG_LINE_BYTES_MAX - 120 : 300) + i / 8 * 2;
        memset(value, FILLS[i / 2 % 4], sizeof value);
        log_open("unit", LOG_LEVEL_INFO, json);
        begin(&capture);
        log_info("event", log_view("v", (struct bytes_view){value, len}), log_number("n", 7),
                 log_text("last", "z"));
        size_t text_len = strlen(end(&capture));
        assert_in_range(text_len, 100, LOG_LINE_BYTES_MAX);
        assert_ptr_equal(strchr(capture.text, '\n'), capture.text + text_len - 1);
        if (json && strchr("x\"", FILLS[i / 2 % 4])) {
            const char *problem =
                json_parse(&document, (struct bytes_view){capture.text, text_len});
            if (problem) {
                fail_msg("%s: %s", problem, capture.text);
            }
            json_release(&document);
        } else if (json) {
            assert_string_equal(capture.text + text_len - 2, "}\n");
        }
    }
}

static void json_lines_are_objects(void **state)
{
    (void)state;
    struct capture capture;
    struct json_document document;
    log_open("unit", LOG_LEVEL_INFO, true);
    begin(&capture);
    log_info("call started", log_text("call_id", "c-1"), log_number("attempt", 1));
    struct bytes_view line = view_of_text(end(&capture));
    assert_null(json_parse(&document, line));
    assert_int_equal(strlen(json_text(document.tree, "time")), 24);
    assert_string_equal(json_text(document.tree, "level"), "info");
    assert_string_equal(json_text(document.tree, "program"), "unit");
    assert_string_equal(json_text(document.tree, "message"), "call started");
    assert_string_equal(json_text(document.tree, "call_id"), "c-1");
    assert_true(view_equal_text(document.members[5].value, "1"));
    json_release(&document);
}

static void lines_that_nobody_reads_are_dropped_counted_and_said(void **state)
{
    (void)state;
    struct capture capture;
    char said[64];
    log_open("unit", LOG_LEVEL_INFO, false);
    begin(&capture);
    log_info("whatever was dropped earlier is said now");
    drain(&capture);
    uint64_t before = log_dropped();
    for (int i = 0; i < LINES_MAX && log_dropped() < before + 3; i++) {
        log_info("nobody reads this");
    }
    uint64_t dropped = log_dropped() - before;
    while (drain(&capture), capture.text[0]) {
    }
    log_info("somebody reads again");
    log_info("and again");
    const char *text = end(&capture);
    snprintf(said, sizeof said, "unit: log lines could not be written dropped=%u\n",
             (unsigned)dropped);
    const char *found = strstr(text, said);
    assert_int_equal(dropped, 3);
    assert_non_null(strstr(text, "somebody reads again\n"));
    assert_non_null(strstr(text, "and again\n"));
    assert_non_null(found);
    assert_null(strstr(found + strlen(said), "could not be written"));
    assert_int_equal(log_dropped() - before, dropped);
}

static void a_reader_that_is_gone_stops_nobody(void **state)
{
    (void)state;
    struct capture capture;
    void (*previous)(int) = signal(SIGPIPE, SIG_IGN);
    uint64_t before = log_dropped();
    begin(&capture);
    close(capture.reader);
    log_info("into the void");
    capture.reader = open("/dev/null", O_RDONLY);
    end(&capture);
    signal(SIGPIPE, previous);
    assert_int_equal(log_dropped() - before, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(levels_are_known_in_any_case),
        cmocka_unit_test(a_line_is_time_level_program_sentence_fields),
        cmocka_unit_test(values_are_escaped),
        cmocka_unit_test(of_a_phone_number_four_digits_show),
        cmocka_unit_test(lines_above_the_level_are_not_written),
        cmocka_unit_test(a_long_line_is_cut_but_whole),
        cmocka_unit_test(json_lines_are_objects),
        cmocka_unit_test(lines_that_nobody_reads_are_dropped_counted_and_said),
        cmocka_unit_test(a_reader_that_is_gone_stops_nobody),
    };
    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
