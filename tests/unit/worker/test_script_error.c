// An error of a script names the file and the line in which the failing line stands.
#include "script_error.h"
#include "script_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

static const char SCRIPT[] = "#!lua flags=allow-oom\n"
                             "--@ worker/script/prelude.lua\n"
                             "local a = 1\n"
                             "local b = 2\n"
                             "--@ worker/record/begin.lua\n"
                             "return a + nil\n";

static void an_error_names_the_part_and_its_line(void **state)
{
    (void)state;
    static const struct {
        const char *error, *expected;
    } CASES[] = {
        {"ERR user_script:6: attempt to add script: abc, on @user_script:6.",
         "ERR begin.lua:1: attempt to add script: abc, on @begin.lua:1."},
        {"ERR user_script:3: x", "ERR prelude.lua:1: x"},
        {"ERR user_script:4: x", "ERR prelude.lua:2: x"},
        {"user_script:1: x", "user_script:1: x"},
        {"user_script:0", "user_script:0"},
        {"user_script:", "user_script:"},
        {"user_script:99999999999999999999", "begin.lua:1"}, // the last line there is
        {"WRONGTYPE no line", "WRONGTYPE no line"},
        {"", ""},
    };
    char out[SCRIPT_ERROR_BYTES];
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        script_error_explain(view_of_text(SCRIPT), CASES[i].error, out, sizeof out);
        assert_string_equal(out, CASES[i].expected);
    }
}

static void a_longer_error_is_cut(void **state)
{
    (void)state;
    char out[12];
    script_error_explain(view_of_text(SCRIPT), "ERR user_script:6: user_script:6: x", out,
                         sizeof out);
    assert_string_equal(out, "ERR begin.l");
    script_error_explain(view_of_text(SCRIPT), "an error without a line", out, sizeof out);
    assert_string_equal(out, "an error wi");
}

static void without_a_script_nothing_is_replaced(void **state)
{
    (void)state;
    char out[SCRIPT_ERROR_BYTES];
    script_error_explain((struct bytes_view){NULL, 0}, "ERR user_script:6: x", out, sizeof out);
    assert_string_equal(out, "ERR user_script:6: x");
}

// The text that is embedded is the one that was composed: flags first, then its parts.
static void each_script_begins_with_its_flags_and_a_part(void **state)
{
    (void)state;
    static const char WRITES[] = "#!lua flags=allow-oom\n--@ ",
                      READS[] = "#!lua flags=no-writes\n--@ ";
    char out[SCRIPT_ERROR_BYTES];
    for (unsigned i = 0; i < SCRIPT_COUNT; i++) {
        struct bytes_view text = script_text((enum script_name)i);
        bool reads = i == SCRIPT_ACCOUNT || i == SCRIPT_SNAPSHOT || i == SCRIPT_DEPTH ||
                     i == SCRIPT_NEWEST || i == SCRIPT_OUTLOOK;
        assert_int_equal(strncmp(text.data, reads ? READS : WRITES, sizeof READS - 1), 0);
        script_error_explain(text, "user_script:3", out, sizeof out);
        assert_non_null(strstr(out, ".lua:1"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_error_names_the_part_and_its_line),
        cmocka_unit_test(a_longer_error_is_cut),
        cmocka_unit_test(without_a_script_nothing_is_replaced),
        cmocka_unit_test(each_script_begins_with_its_flags_and_a_part),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
