// What --env-file reads means the same to Docker Compose and python-dotenv, or is refused.
#include "env_file.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool load(const char *text)
{
    char path[] = "/tmp/dialin-env-file-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    bool is_good = env_file_load(path);
    unlink(path);
    return is_good;
}

static void values(void **state)
{
    (void)state;
    static const struct {
        const char *text, *value; // of A; NULL: the file is refused
    } CASES[] = {
        {"A=1", "1"},
        {"\xef\xbb\xbf"
         "A=1\n",
         "1"},
        {"\n # x\n export\tA = debug \r\n", "debug"},
        {"A=100   # comment", "100"},
        {"A=key#inside", "key#inside"},
        {"A= #inside", "#inside"},
        {"A='a # b' # c", "a # b"},
        {"A=\"it's\"", "it's"},
        {"A=x\\ny", "x\\ny"},
        {"A='x\\ny'", "x\\ny"},
        {"A=1\nA=2", "2"},
        {"A=1\nA=", ""},
        {"A=a=b==", "a=b=="},
        {"A=1\t# comment", NULL},
        {"A=pa$5", NULL},
        {"A=\"pa$5\"", NULL},
        {"A='pa$5'", "pa$5"},
        {"A='${B}'", NULL},
        {"A=\"x\\ty\"", NULL},
        {"A=\"a\\\"b\"", NULL},
        {"A='a\\\\b'", NULL},
        {"A='a\\'b'", NULL},
        {"A='no end", NULL},
        {"A='x' y", NULL},
        {"A=1\nB 2", NULL},
        {"=1", NULL},
        {"'A'=1", NULL},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        unsetenv("A");
        print_message("%s\n", CASES[i].text);
        assert_int_equal(load(CASES[i].text), CASES[i].value != NULL);
        if (CASES[i].value) {
            assert_string_equal(getenv("A"), CASES[i].value);
        } else {
            assert_null(getenv("A")); // nothing of a refused file is taken
        }
    }
}

static void the_environment_wins(void **state)
{
    (void)state;
    setenv("A", "mine", 1);
    assert_true(load("A=1\nA=2\n"));
    assert_string_equal(getenv("A"), "mine");
}

static void too_many_lines(void **state)
{
    (void)state;
    static char text[ENV_FILE_LINES_MAX + 8];
    unsetenv("A");
    memset(text, '\n', ENV_FILE_LINES_MAX);
    memcpy(text + ENV_FILE_LINES_MAX - 1, "A=1", sizeof "A=1");
    assert_true(load(text));
    unsetenv("A");
    memcpy(text + ENV_FILE_LINES_MAX - 1, "\nA=1", sizeof "\nA=1");
    assert_false(load(text));
    assert_null(getenv("A"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),
        cmocka_unit_test(the_environment_wins),
        cmocka_unit_test(too_many_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
