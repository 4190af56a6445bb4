// The scripts of dialin-audit are embedded as they were composed.
#include "audit_script.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>

static void each_begins_with_its_flags(void **state)
{
    (void)state;
    static const char REPLAY[] = "#!lua\n--@ ";
    static const char FORGET[] = "#!lua flags=allow-oom\n--@ ";
    assert_int_equal(strncmp(audit_script_replay().data, REPLAY, sizeof REPLAY - 1), 0);
    assert_int_equal(strncmp(audit_script_forget().data, FORGET, sizeof FORGET - 1), 0);
    assert_int_equal(strncmp(audit_script_pause().data, FORGET, sizeof FORGET - 1), 0);
    assert_int_equal(strncmp(audit_script_cancel().data, FORGET, sizeof FORGET - 1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_begins_with_its_flags),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
