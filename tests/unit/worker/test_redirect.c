// What the log names of a redirect's Location: host and path, and never a secret.
#include "redirect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>

#define LEN(array) (sizeof(array) / sizeof(array)[0])

static void only_host_and_path_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *location, *target;
    } ROWS[] = {
        {"https://login.example/sign/in?next=secret#x", "login.example/sign/in"},
        {"http://h:8080", "h:8080"},
        {"//h/path", "h/path"},
        {"/sign-in?token=t", "/sign-in"},
        {"sign-in", "sign-in"},
        {"https://user:pw@h/p", "h/p"},
        {"https://user:p@w@h/p@q", "h/p@q"},
        {"http:\\\\user:pw@h\\p", "h\\p"},
        {"https://h?query@x", "h"},
        {"https://h/a b\r\n\033[31m\xff", "h/a%20b%0D%0A%1B[31m%FF"},
        {"https://", ""},
        {"?q", ""},
        {"", ""},
    };
    for (size_t i = 0; i < LEN(ROWS); i++) {
        char target[REDIRECT_TARGET_BYTES];
        redirect_target(view_of_text(ROWS[i].location), target);
        assert_string_equal(target, ROWS[i].target);
    }
}

static void a_long_one_is_cut(void **state)
{
    (void)state;
    char location[1000], target[REDIRECT_TARGET_BYTES];
    memset(location, '\n', sizeof location);
    redirect_target((struct bytes_view){location, sizeof location}, target);
    assert_int_equal(strlen(target) % 3, 0);
    memset(location, 'a', sizeof location);
    redirect_target((struct bytes_view){location, sizeof location}, target);
    assert_true(strlen(target) > REDIRECT_TARGET_BYTES / 2);
    redirect_target((struct bytes_view){NULL, 0}, target);
    assert_string_equal(target, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_host_and_path_are_named),
        cmocka_unit_test(a_long_one_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
