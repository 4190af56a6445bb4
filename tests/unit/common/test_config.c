// Configuration: each kind of value, each problem, the files, and --help.
#include "config.h"

#include "log.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

struct unit {
    char *text, *plain, *secret, *path;
    uint64_t number, bounded;
    bool flag, other_flag;
};

static const struct config_option TABLE[] = {
    {"UNIT_TEXT", CONFIG_TEXT, offsetof(struct unit, text), "by default", 0, 0, "a text"},
    {"UNIT_PLAIN", CONFIG_TEXT, offsetof(struct unit, plain), NULL, 0, 0, "a text, unset"},
    {"UNIT_SECRET", CONFIG_SECRET, offsetof(struct unit, secret), NULL, 0, 0, "a secret"},
    {"UNIT_PATH", CONFIG_PATH, offsetof(struct unit, path), NULL, 0, 0, "a path"},
    {"UNIT_NUMBER", CONFIG_NUMBER, offsetof(struct unit, number), "7", 1, 10, "a number"},
    {"UNIT_BOUNDED", CONFIG_NUMBER, offsetof(struct unit, bounded), NULL, 5, 6, "one, unset"},
    {"UNIT_FLAG", CONFIG_FLAG, offsetof(struct unit, flag), "false", 0, 0, "a flag"},
    {"UNIT_OTHER_FLAG", CONFIG_FLAG, offsetof(struct unit, other_flag), "true", 0, 0, "a flag"},
    {"UNIT_LATER", CONFIG_LATER, 0, "256", 0, 0, "is not in this version"},
    {0},
};

static const char *const SUFFIXES[] = {"", "_FILE"};

static int clear_environment(void **state)
{
    (void)state;
    for (const struct config_option *option = TABLE; option->name; option++) {
        for (size_t i = 0; i < 2; i++) {
            char name[64];
            snprintf(name, sizeof name, "%s%s", option->name, SUFFIXES[i]);
            unsetenv(name);
        }
    }
    return 0;
}

// Loads with NAME=value; the problems' text is the caller's to release.
static struct unit load(const char *name, const char *value, struct config_problems *problems)
{
    struct unit unit = {0};
    clear_environment(NULL);
    if (name) {
        setenv(name, value, 1);
    }
    config_problems_init(problems);
    config_load(TABLE, &unit, problems);
    return unit;
}

static void defaults_are_taken(void **state)
{
    (void)state;
    struct config_problems problems;
    struct unit unit = load(NULL, NULL, &problems);
    assert_int_equal(problems.count, 0);
    assert_string_equal(bytes_text(&problems.text), "");
    assert_string_equal(unit.text, "by default");
    assert_null(unit.plain);
    assert_null(unit.secret);
    assert_null(unit.path);
    assert_int_equal(unit.number, 7);
    assert_int_equal(unit.bounded, 0);
    assert_false(unit.flag);
    assert_true(unit.other_flag);
    config_release(TABLE, &unit);
    assert_null(unit.text);
    config_problems_release(&problems);
}

static void values_are_taken_or_named_as_problems(void **state)
{
    (void)state;
    static const struct {
        const char *name, *value;
        const char *problem; // a part of its line; NULL: none
        const char *text;    // what the member then holds, as text
    } CASES[] = {
        {"UNIT_TEXT", "ours", NULL, "ours"},
        {"UNIT_TEXT", "", NULL, "by default"},
        {"UNIT_TEXT", "\xc3\xa4 b", NULL, "\xc3\xa4 b"},
        {"UNIT_TEXT", "a\nb", "UNIT_TEXT: has control characters", "by default"},
        {"UNIT_TEXT", "a\x7f", "UNIT_TEXT: has control characters", "by default"},
        {"UNIT_NUMBER", "1", NULL, "1"},
        {"UNIT_NUMBER", "10", NULL, "10"},
        {"UNIT_NUMBER", "", NULL, "7"},
        {"UNIT_NUMBER", "0", "UNIT_NUMBER: must be a number from 1 to 10, not '0'", "7"},
        {"UNIT_NUMBER", "11", "UNIT_NUMBER: must be a number from 1 to 10, not '11'", "7"},
        {"UNIT_NUMBER", "-1", "UNIT_NUMBER: must be a number", "7"},
        {"UNIT_NUMBER", "+1", "UNIT_NUMBER: must be a number", "7"},
        {"UNIT_NUMBER", " 1", "UNIT_NUMBER: must be a number", "7"},
        {"UNIT_NUMBER", "1 ", "UNIT_NUMBER: must be a number", "7"},
        {"UNIT_NUMBER", "1.0", "UNIT_NUMBER: must be a number", "7"},
        {"UNIT_NUMBER", "0x1", "UNIT_NUMBER: must be a number", "7"},
        {"UNIT_NUMBER", "1k", "UNIT_NUMBER: must be a number", "7"},
        {"UNIT_NUMBER", "18446744073709551617", "UNIT_NUMBER: must be a number", "7"},
        {"UNIT_BOUNDED", "7", "UNIT_BOUNDED: must be a number from 5 to 6", "0"},
        {"UNIT_FLAG", "true", NULL, "true"},
        {"UNIT_FLAG", "TRUE", NULL, "true"},
        {"UNIT_FLAG", "1", NULL, "true"},
        {"UNIT_FLAG", "Yes", NULL, "true"},
        {"UNIT_FLAG", "", NULL, "false"},
        {"UNIT_FLAG", "maybe", "UNIT_FLAG: must be true or false, not 'maybe'", "false"},
        {"UNIT_FLAG", "2", "UNIT_FLAG: must be true or false", "false"},
        {"UNIT_OTHER_FLAG", "false", NULL, "false"},
        {"UNIT_OTHER_FLAG", "False", NULL, "false"},
        {"UNIT_OTHER_FLAG", "0", NULL, "false"},
        {"UNIT_OTHER_FLAG", "NO", NULL, "false"},
        {"UNIT_OTHER_FLAG", "nope", "UNIT_OTHER_FLAG: must be", "true"},
        {"UNIT_PATH", "/tmp/x", NULL, "/tmp/x"},
        {"UNIT_PATH_FILE", "/tmp/x", "UNIT_PATH_FILE: is not taken: set UNIT_PATH", ""},
        {"UNIT_LATER", "", NULL, ""},
        {"UNIT_LATER", "256", NULL, ""},
        {"UNIT_LATER", "257", "UNIT_LATER: is not in this version", ""},
        {"UNIT_LATER_FILE", "/tmp/x", "UNIT_LATER_FILE: is not in this version", ""},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct config_problems problems;
        char number[24];
        const char *name = CASES[i].name;
        struct unit unit = load(name, CASES[i].value, &problems);
        const char *said = bytes_text(&problems.text);
        snprintf(number, sizeof number, "%llu",
                 (unsigned long long)(strstr(name, "BOUNDED") ? unit.bounded : unit.number));
        const char *text = strstr(name, "TEXT")         ? unit.text
                           : strstr(name, "PATH")       ? unit.path
                           : strstr(name, "LATER")      ? ""
                           : strstr(name, "OTHER_FLAG") ? (unit.other_flag ? "true" : "false")
                           : strstr(name, "FLAG")       ? (unit.flag ? "true" : "false")
                                                        : number;
        if (problems.count != !!CASES[i].problem || !strstr(said, CASES[i].problem ?: "") ||
            strcmp(text ?: "", CASES[i].text) != 0) {
            fail_msg("%s=%s: holds '%s', said '%s'", name, CASES[i].value, text ?: "", said);
        }
        config_release(TABLE, &unit);
        config_problems_release(&problems);
    }
}

static void all_problems_are_said_at_once_and_no_secret(void **state)
{
    (void)state;
    struct config_problems problems;
    struct unit unit = {0};
    clear_environment(NULL);
    setenv("UNIT_NUMBER", "x", 1);
    setenv("UNIT_FLAG", "x", 1);
    setenv("UNIT_SECRET", "hush\n", 1);
    config_problems_init(&problems);
    config_load(TABLE, &unit, &problems);
    assert_int_equal(problems.count, 3);
    assert_non_null(strstr(bytes_text(&problems.text), "UNIT_NUMBER: "));
    assert_non_null(strstr(bytes_text(&problems.text), "UNIT_FLAG: "));
    assert_non_null(strstr(bytes_text(&problems.text), "UNIT_SECRET: "));
    assert_null(strstr(bytes_text(&problems.text), "hush"));
    config_release(TABLE, &unit);
    config_problems_release(&problems);
}

// Loads with UNIT_SECRET_FILE naming a file of these bytes.
static struct unit load_file(const char *data, size_t len, struct config_problems *problems)
{
    char path[] = "/tmp/dialin-unit-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, len), len);
    close(fd);
    struct unit unit = load("UNIT_SECRET_FILE", path, problems);
    unlink(path);
    return unit;
}

static void files_hold_values(void **state)
{
    (void)state;
    static const struct {
        const char *data;
        size_t len;
        const char *problem, *value;
    } CASES[] = {
        {"hush", 4, NULL, "hush"},
        {"hush\n", 5, NULL, "hush"},
        {"a b=c,d\n", 8, NULL, "a b=c,d"},
        {"", 0, NULL, NULL},
        {"\n", 1, NULL, NULL},
        {"hush\n\n", 6, "UNIT_SECRET_FILE: has control characters or several lines", NULL},
        {"hush\r\n", 6, "UNIT_SECRET_FILE: has control characters or several lines", NULL},
        {"hu\nsh", 5, "UNIT_SECRET_FILE: has control characters or several lines", NULL},
        {"hu\0sh", 5, "UNIT_SECRET_FILE: the file has NUL bytes", NULL},
        {"hush\0", 5, "UNIT_SECRET_FILE: the file has NUL bytes", NULL},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct config_problems problems;
        struct unit unit = load_file(CASES[i].data, CASES[i].len, &problems);
        const char *said = bytes_text(&problems.text);
        if (problems.count != !!CASES[i].problem || !strstr(said, CASES[i].problem ?: "") ||
            !unit.secret != !CASES[i].value ||
            strcmp(unit.secret ?: "", CASES[i].value ?: "") != 0 || strstr(said, "hu")) {
            fail_msg("case %zu: holds '%s', said '%s'", i, unit.secret ?: "", said);
        }
        config_release(TABLE, &unit);
        config_problems_release(&problems);
    }
}

static void files_are_bounded(void **state)
{
    (void)state;
    static char data[CONFIG_VALUE_BYTES_MAX + 1];
    struct config_problems problems;
    memset(data, 'x', sizeof data);
    struct unit unit = load_file(data, CONFIG_VALUE_BYTES_MAX, &problems);
    assert_int_equal(problems.count, 0);
    assert_int_equal(strlen(unit.secret), CONFIG_VALUE_BYTES_MAX);
    config_release(TABLE, &unit);
    config_problems_release(&problems);
    unit = load_file(data, sizeof data, &problems);
    assert_non_null(strstr(bytes_text(&problems.text), "longer than 65536 bytes"));
    assert_null(unit.secret);
    config_release(TABLE, &unit);
    config_problems_release(&problems);
}

static void files_that_cannot_be_read_are_named(void **state)
{
    (void)state;
    static const char *const CASES[][2] = {
        {"/nonexistent/secret", "UNIT_SECRET_FILE: the file '/nonexistent/secret' cannot be read: "
                                "No such file or directory"},
        {"/", "UNIT_SECRET_FILE: the file '/' cannot be read: Is a directory"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct config_problems problems;
        struct unit unit = load("UNIT_SECRET_FILE", CASES[i][0], &problems);
        assert_non_null(strstr(bytes_text(&problems.text), CASES[i][1]));
        assert_int_equal(problems.count, 1);
        config_release(TABLE, &unit);
        config_problems_release(&problems);
    }
}

static void a_value_and_its_file_exclude_each_other(void **state)
{
    (void)state;
    struct config_problems problems;
    struct unit unit = {0};
    clear_environment(NULL);
    config_problems_init(&problems);
    setenv("UNIT_SECRET", "", 1); // counts as unset
    setenv("UNIT_SECRET_FILE", "/dev/null", 1);
    config_load(TABLE, &unit, &problems);
    assert_int_equal(problems.count, 0);
    setenv("UNIT_SECRET", "hush", 1);
    config_load(TABLE, &unit, &problems);
    assert_int_equal(problems.count, 1);
    assert_non_null(strstr(bytes_text(&problems.text),
                           "UNIT_SECRET: is set, and UNIT_SECRET_FILE too: remove one"));
    config_release(TABLE, &unit);
    config_problems_release(&problems);
}

// What config_command_line() answers to one argument, and what it prints.
static enum config_command command(const char *argument, char *out, size_t size)
{
    char program[] = "unit", copy[64];
    char *argv[] = {program, copy, NULL};
    int ends[2], real_stdout = dup(STDOUT_FILENO), real_stderr = dup(STDERR_FILENO);
    snprintf(copy, sizeof copy, "%s", argument ?: "");
    assert_int_equal(pipe(ends), 0);
    fflush(stdout);
    dup2(ends[1], STDOUT_FILENO);
    dup2(ends[1], STDERR_FILENO);
    enum config_command result =
        config_command_line(argument ? 2 : 1, argv, "unit", "Tests units.", TABLE);
    fflush(stdout);
    dup2(real_stdout, STDOUT_FILENO);
    dup2(real_stderr, STDERR_FILENO);
    close(real_stdout);
    close(real_stderr);
    close(ends[1]);
    ssize_t len = read(ends[0], out, size - 1);
    out[len > 0 ? len : 0] = '\0';
    close(ends[0]);
    return result;
}

static void the_command_line_is_one_of_five(void **state)
{
    (void)state;
    static const struct {
        const char *argument;
        enum config_command command;
        const char *out;
    } CASES[] = {
        {NULL, CONFIG_RUN, ""},
        {"--check-config", CONFIG_CHECK, ""},
        {"--print-config", CONFIG_PRINT, ""},
        {"--version", CONFIG_DONE, "unit " DIALIN_VERSION "\n"},
        {"--help", CONFIG_DONE, "Tests units.\n"},
        {"--helpless", CONFIG_USAGE,
         "usage: unit [--help | --version | --check-config [--online] | --print-config]\n"},
        {"help", CONFIG_USAGE, "usage: unit"},
        {"", CONFIG_USAGE, "usage: unit"},
        {"-v", CONFIG_USAGE, "usage: unit"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        char out[8192];
        enum config_command result = command(CASES[i].argument, out, sizeof out);
        if (result != CASES[i].command || !strstr(out, CASES[i].out) ||
            !CASES[i].out[0] != !out[0]) {
            fail_msg("%s: %d, %s", CASES[i].argument ?: "(none)", (int)result, out);
        }
    }
}

static void help_lists_every_row(void **state)
{
    (void)state;
    char out[8192];
    clear_environment(NULL);
    setenv("UNIT_SECRET", "hush", 1);
    command("--help", out, sizeof out);
    for (const struct config_option *option = TABLE; option->name; option++) {
        char row[256];
        snprintf(row, sizeof row, "%s (default %s)  %s\n", option->name,
                 option->fallback ?: "unset", option->help);
        assert_non_null(strstr(out, row));
    }
    assert_null(strstr(out, "hush"));
}

static void what_all_programs_share_is_checked(void **state)
{
    (void)state;
    static char long_prefix[130];
    memset(long_prefix, 'p', 129);
    const struct {
        const char *prefix, *level, *format;
        const char *problem; // a part of its line; NULL: none
    } cases[] = {
        {"{dialin}", "info", "text", NULL},
        {"p", "ERROR", "JSON", NULL},
        {long_prefix + 1, "debug", "json", NULL}, // 128 bytes
        {long_prefix, "info", "text", "REDIS_PREFIX: must be at most 128"},
        {"a b", "info", "text", "REDIS_PREFIX: "},
        {"a\xc3\xa4", "info", "text", "REDIS_PREFIX: "},
        {"p", "loud", "text", "LOG_LEVEL: must be error, warning, info or debug, not 'loud'"},
        {"p", "info", "xml", "LOG_FORMAT: must be text or json, not 'xml'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char prefix[130], level[16], format[16];
        struct config_problems problems;
        snprintf(prefix, sizeof prefix, "%s", cases[i].prefix);
        snprintf(level, sizeof level, "%s", cases[i].level);
        snprintf(format, sizeof format, "%s", cases[i].format);
        struct config_common common = {
            .redis_prefix = prefix, .log_level = level, .log_format = format};
        config_problems_init(&problems);
        config_common_apply(&common, "unit", &problems);
        const char *said = bytes_text(&problems.text);
        if (problems.count != !!cases[i].problem || !strstr(said, cases[i].problem ?: "")) {
            fail_msg("case %zu: %s", i, said);
        }
        config_problems_release(&problems);
    }
    assert_true(log_is_on(LOG_LEVEL_INFO));
}

// In a child, because limits that are lowered cannot all be raised again. 0: as expected.
static int try_open_files(void)
{
    struct config_problems problems;
    struct rlimit limit = {64, 256};
    config_problems_init(&problems);
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return 1;
    }
    config_need_open_files(60, "UNIT_MANY", &problems);
    getrlimit(RLIMIT_NOFILE, &limit);
    if (problems.count != 0 || limit.rlim_cur != 64) {
        return 2;
    }
    config_need_open_files(200, "UNIT_MANY", &problems);
    getrlimit(RLIMIT_NOFILE, &limit);
    if (problems.count != 0 || limit.rlim_cur < 200) {
        return 3;
    }
    config_need_open_files(UINT64_C(1) << 40, "UNIT_MANY", &problems);
    const char *said = bytes_text(&problems.text);
    return problems.count == 1 && strstr(said, "UNIT_MANY: needs 1099511627776 open files") ? 0 : 4;
}

static void open_files_are_raised_or_a_problem(void **state)
{
    (void)state;
    int status = 0;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        _exit(try_open_files());
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_taken),
        cmocka_unit_test(values_are_taken_or_named_as_problems),
        cmocka_unit_test(all_problems_are_said_at_once_and_no_secret),
        cmocka_unit_test(files_hold_values),
        cmocka_unit_test(files_are_bounded),
        cmocka_unit_test(files_that_cannot_be_read_are_named),
        cmocka_unit_test(a_value_and_its_file_exclude_each_other),
        cmocka_unit_test(the_command_line_is_one_of_five),
        cmocka_unit_test(help_lists_every_row),
        cmocka_unit_test(what_all_programs_share_is_checked),
        cmocka_unit_test(open_files_are_raised_or_a_problem),
    };
    return cmocka_run_group_tests_name("config", tests, NULL, clear_environment);
}
