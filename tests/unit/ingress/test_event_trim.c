// The stream of Daily's events is cut by number, and by the bytes that this ingress has put in.
#include "event_trim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define EVENT_BYTES (EVENT_TRIM_MARK_BYTES / 16 - EVENT_TRIM_ENTRY_BYTES)

static void expect(struct event_trim *trim, const char *strategy, const char *limit)
{
    struct bytes_view words[EVENT_TRIM_WORDS];
    event_trim_words(trim, words);
    assert_true(view_equal_text(words[0], strategy) && view_equal_text(words[1], "~") &&
                view_equal_text(words[2], limit));
}

// 16 a mark.
static void note_marks(struct event_trim *trim, unsigned *next, unsigned marks)
{
    for (unsigned i = 0; i < 16 * marks; i++) {
        char id[ENTRY_ID_BYTES];
        snprintf(id, sizeof id, "%u-0", (*next)++);
        event_trim_note(trim, EVENT_BYTES, id);
    }
}

static void by_number_until_it_is_too_large(void **state)
{
    (void)state;
    static struct event_trim trim;
    unsigned next = 1;
    note_marks(&trim, &next, EVENT_TRIM_MARKS);
    expect(&trim, "MAXLEN", "100000");
    note_marks(&trim, &next, 1);
    expect(&trim, "MINID", "16-0"); // the last 64 marks stay
    expect(&trim, "MAXLEN", "100000");
    note_marks(&trim, &next, 1);
    expect(&trim, "MINID", "32-0");
}

static void several_marks_are_cut_at_once(void **state)
{
    (void)state;
    static struct event_trim trim;
    unsigned next = 1;
    note_marks(&trim, &next, EVENT_TRIM_MARKS + 3);
    expect(&trim, "MINID", "48-0");
    expect(&trim, "MAXLEN", "100000");
}

static void empty_ones_have_their_bytes_too(void **state)
{
    (void)state;
    static struct event_trim trim;
    for (size_t i = 0;
         i < (EVENT_TRIM_MARKS + 1) * (EVENT_TRIM_MARK_BYTES / EVENT_TRIM_ENTRY_BYTES); i++) {
        event_trim_note(&trim, 0, "7-7");
    }
    expect(&trim, "MINID", "7-7");
}

// Redis was emptied, and its clock is behind what it was: nothing of the new stream is cut by old
// marks.
static void marks_of_a_stream_that_is_gone_do_not_count(void **state)
{
    (void)state;
    static struct event_trim trim;
    unsigned next = 1000000;
    note_marks(&trim, &next, EVENT_TRIM_MARKS + 1);
    next = 1;
    note_marks(&trim, &next, EVENT_TRIM_MARKS);
    expect(&trim, "MAXLEN", "100000");
    note_marks(&trim, &next, 1);
    expect(&trim, "MINID", "16-0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_number_until_it_is_too_large),
        cmocka_unit_test(several_marks_are_cut_at_once),
        cmocka_unit_test(empty_ones_have_their_bytes_too),
        cmocka_unit_test(marks_of_a_stream_that_is_gone_do_not_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
