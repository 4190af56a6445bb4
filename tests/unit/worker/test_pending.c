// In which order the entries of a pending list are resumed.
#include "pending.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>

static enum pending_step next(struct pending *pending, size_t beginning, const char *first,
                              size_t expected)
{
    const pending_id *ids = NULL;
    size_t count = 0;
    enum pending_step step = pending_next(pending, beginning, &ids, &count);
    if (step == PENDING_RESUME) {
        assert_int_equal(count, expected);
        assert_string_equal(ids[0], first);
        pending_resumed(pending);
    }
    return step;
}

static void those_who_came_first_go_together_and_the_others_alone(void **state)
{
    (void)state;
    struct pending pending;
    pending_restart(&pending);
    assert_false(pending_is_empty(&pending));
    assert_int_equal(next(&pending, 0, NULL, 0), PENDING_LIST);
    pending_add(&pending, "1-0", false);
    pending_add(&pending, "2-0", true);
    pending_add(&pending, "3-0", false);
    pending_add(&pending, "4-0", true);
    pending.has_more = false;
    assert_string_equal(pending.list_from, "(4-0");
    assert_int_equal(next(&pending, 5, "1-0", 2), PENDING_RESUME);
    assert_int_equal(next(&pending, 1, NULL, 0), PENDING_WAIT);
    assert_int_equal(next(&pending, 0, "2-0", 1), PENDING_RESUME);
    assert_int_equal(next(&pending, 1, NULL, 0), PENDING_WAIT);
    assert_int_equal(next(&pending, 0, "4-0", 1), PENDING_RESUME);
    assert_int_equal(next(&pending, 1, NULL, 0),
                     PENDING_WAIT); // until the last one is past it, too
    assert_int_equal(next(&pending, 0, NULL, 0), PENDING_NOTHING);
    assert_true(pending_is_empty(&pending));
}

static void it_begins_again_when_it_was_asked_to(void **state)
{
    (void)state;
    struct pending pending;
    pending_restart(&pending);
    pending_pass(&pending, "7-3");
    pending.has_more = false;
    pending_again(&pending);
    assert_false(pending_is_empty(&pending));
    assert_int_equal(next(&pending, 0, NULL, 0), PENDING_LIST);
    assert_string_equal(pending.list_from, "-");
    pending.has_more = false;
    assert_int_equal(next(&pending, 0, NULL, 0), PENDING_NOTHING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(those_who_came_first_go_together_and_the_others_alone),
        cmocka_unit_test(it_begins_again_when_it_was_asked_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
