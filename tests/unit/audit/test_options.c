// The command line: what is taken, and for which command. Complaints go to standard error.
#include "options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <getopt.h>
#include <string.h>

#define WORDS_MAX 12

static enum options_verdict parse(struct options *options, const char *const *words)
{
    static char texts[WORDS_MAX][256]; // options point into them
    char *argv[WORDS_MAX + 2] = {(char[]){"dialin-audit"}};
    int argc = 1;
    for (size_t i = 0; i < WORDS_MAX && words[i]; i++) {
        strncpy(texts[i], words[i], sizeof texts[i] - 1);
        argv[argc++] = texts[i];
    }
    optind = 0; // getopt begins anew
    opterr = 0;
    return options_parse(options, argc, argv);
}

static void a_selection_is_read(void **state)
{
    (void)state;
    struct options options;
    const char *const words[WORDS_MAX] = {"list",       "--from=+1", "--to",    "+2",
                                          "--state",    "dead",      "--since", "1784032215250",
                                          "--limit=10", "--json"};
    assert_int_equal(parse(&options, words), OPTIONS_RUN);
    assert_string_equal(options.selection.from, "+1");
    assert_string_equal(options.selection.to, "+2");
    assert_string_equal(options.selection.state, "dead");
    assert_true(options.selection.since_ms == 1784032215250);
    assert_true(options.selection.until_ms == UINT64_MAX);
    assert_true(options.selection.limit == 10 && options.json);
    assert_null(options.selection.reason);
    assert_null(options.selection.agent);
}

// Of `replay`, --to is a number or a URL.
static void a_replay_goes_to_a_url_or_selects_a_number(void **state)
{
    (void)state;
    struct options options;
    const char *const words[WORDS_MAX] = {
        "replay", "--to", "http://a/start", "--to", "+2", "--speed", "max", "c-1"};
    assert_int_equal(parse(&options, words), OPTIONS_RUN);
    assert_string_equal(options.to_url, "http://a/start");
    assert_string_equal(options.selection.to, "+2");
    assert_string_equal(options.argument, "c-1");
    assert_true(options.speed == 0 && !options.yes && !options.live);
}

static void what_is_left_out_is_safe(void **state)
{
    (void)state;
    struct options options;
    assert_int_equal(parse(&options, (const char *const[WORDS_MAX]){"list"}), OPTIONS_RUN);
    assert_true(options.selection.limit == OPTIONS_LIST_LIMIT && !options.json);
    assert_int_equal(parse(&options, (const char *const[WORDS_MAX]){"export"}), OPTIONS_RUN);
    assert_true(options.selection.limit == 0 && options.format == EXPORT_JSON && !options.resume);
    assert_int_equal(parse(&options, (const char *const[WORDS_MAX]){"replay", "--live"}),
                     OPTIONS_RUN);
    assert_true(options.live && !options.yes && options.speed == 1);
    assert_int_equal(parse(&options, (const char *const[WORDS_MAX]){"dead", "purge", "--before",
                                                                    "1784032215250"}),
                     OPTIONS_RUN);
    assert_true(options.before_ms == 1784032215250 && !options.yes);
}

static void wrong_usage_is_refused(void **state)
{
    (void)state;
    static const char *const CASES[][WORDS_MAX] = {
        {NULL},
        {""},
        {"List"},
        {"--json"},
        {"list", "--yes"},
        {"list", "--live"},
        {"list", "--format", "csv"},
        {"list", "--since"},
        {"list", "--since", ""},
        {"list", "--limit", ""},
        {"list", "--limit", "-1"},
        {"list", "--limit", "1e3"},
        {"list", "--limit", "1234567890"},
        {"list", "--state", "Dead"},
        {"list", "--since", "2", "--until", "1"},
        {"list", "call"},
        {"show"},
        {"show", "a", "b"},
        {"show", "a", "--since", "1h"},
        {"tail", "--limit", "1"},
        {"export", "--limit", "1"},
        {"export", "--from", "+1"},
        {"export", "--resume"},
        {"export", "--format", ""},
        {"export", "--json"},
        {"dead"},
        {"dead", "purge"},
        {"dead", "purge", "--before", "soon"},
        {"dead", "forget"},
        {"forget"},
        {"forget", "+1", "--live"},
        {"forget", "anonymous"},
        {"refused", "all"},
        {"refused", "--from", "+1"},
        {"replay"},
        {"replay", "c"},
        {"replay", "--to", "+1"},
        {"replay", "--to", "http://a/", "--live"},
        {"replay", "--live", "--speed", "0"},
        {"replay", "--live", "--speed", "-1"},
        {"replay", "--live", "--speed", "1001"},
        {"replay", "--live", "--speed", "nan"},
        {"replay", "--live", "--speed", "inf"},
        {"replay", "--live", "--speed", "2x"},
        {"replay", "--live", "--speed", ""},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct options options;
        if (parse(&options, CASES[i]) != OPTIONS_USAGE) {
            fail_msg("case %zu, %s, is taken", i, CASES[i][0] ? CASES[i][0] : "nothing");
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_selection_is_read),
        cmocka_unit_test(a_replay_goes_to_a_url_or_selects_a_number),
        cmocka_unit_test(what_is_left_out_is_safe),
        cmocka_unit_test(wrong_usage_is_refused),
    };
    return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
