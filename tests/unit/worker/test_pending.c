// In which order the entries of a pending list are resumed.
#include "pending.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>

static enum backlog_step next(struct backlog *backlog, size_t beginning, const char *first,
                              size_t expected)
{
    const backlog_id *ids = NULL;
    size_t count = 0;
    enum backlog_step step = backlog_next(backlog, beginning, &ids, &count);
    if (step == BACKLOG_RESUME) {
        assert_int_equal(count, expected);
        assert_string_equal(ids[0], first);
        backlog_resumed(backlog);
    }
    return step;
}

static void those_who_came_first_go_together_and_the_others_alone(void **state)
{
    (void)state;
    struct backlog backlog;
    backlog_restart(&backlog);
    assert_false(backlog_is_empty(&backlog));
    assert_int_equal(next(&backlog, 0, NULL, 0), BACKLOG_LIST);
    backlog_add(&backlog, "1-0", false);
    backlog_add(&backlog, "2-0", true);
    backlog_add(&backlog, "3-0", false);
    backlog_add(&backlog, "4-0", true);
    backlog.has_more = false;
    assert_string_equal(backlog.list_from, "(4-0");
    assert_int_equal(next(&backlog, 5, "1-0", 2), BACKLOG_RESUME);
    assert_int_equal(next(&backlog, 1, NULL, 0), BACKLOG_WAIT);
    assert_int_equal(next(&backlog, 0, "2-0", 1), BACKLOG_RESUME);
    assert_int_equal(next(&backlog, 1, NULL, 0), BACKLOG_WAIT);
    assert_int_equal(next(&backlog, 0, "4-0", 1), BACKLOG_RESUME);
    assert_int_equal(next(&backlog, 1, NULL, 0),
                     BACKLOG_WAIT); // until the last one is past it, too
    assert_int_equal(next(&backlog, 0, NULL, 0), BACKLOG_NOTHING);
    assert_true(backlog_is_empty(&backlog));
}

static void it_begins_again_when_it_was_asked_to(void **state)
{
    (void)state;
    struct backlog backlog;
    backlog_restart(&backlog);
    backlog_pass(&backlog, "7-3");
    backlog.has_more = false;
    backlog_again(&backlog);
    assert_false(backlog_is_empty(&backlog));
    assert_int_equal(next(&backlog, 0, NULL, 0), BACKLOG_LIST);
    assert_string_equal(backlog.list_from, "-");
    backlog.has_more = false;
    assert_int_equal(next(&backlog, 0, NULL, 0), BACKLOG_NOTHING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(those_who_came_first_go_together_and_the_others_alone),
        cmocka_unit_test(it_begins_again_when_it_was_asked_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
