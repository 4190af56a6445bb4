#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "findings.h"

static void each_has_its_level_subject_and_remedy(void **state)
{
    (void)state;
    struct findings findings;
    findings_init(&findings);
    findings_fine(&findings, "a", "%d is good", 1);
    findings_note(&findings, "b", "not asked");
    findings_wrong(&findings, "c", "mend it", "%s is broken", "x");
    assert_int_equal(findings.count, 3);
    assert_int_equal(findings.wrong, 1);
    assert_string_equal(findings.list[0].text, "1 is good");
    assert_string_equal(findings.list[0].remedy, "");
    assert_string_equal(findings.list[2].subject, "c");
    assert_string_equal(findings.list[2].text, "x is broken");
    assert_string_equal(findings.list[2].remedy, "mend it");
    assert_string_equal(finding_level_name(findings.list[1].level), "note");
    findings_release(&findings);
    assert_int_equal(findings.count, 0);
}

static void too_many_are_counted_and_long_ones_are_cut(void **state)
{
    (void)state;
    struct findings findings;
    char text[FINDING_TEXT_BYTES + 10];
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    findings_init(&findings);
    for (unsigned i = 0; i < FINDINGS_MAX + 5; i++) {
        findings_wrong(&findings, text, text, "%s", text);
    }
    assert_int_equal(findings.count, FINDINGS_MAX);
    assert_int_equal(findings.wrong, FINDINGS_MAX + 5);
    assert_int_equal(strlen(findings.list[0].text), FINDING_TEXT_BYTES - 1);
    assert_int_equal(strlen(findings.list[0].subject), FINDING_SUBJECT_BYTES - 1);
    findings_release(&findings);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_has_its_level_subject_and_remedy),
        cmocka_unit_test(too_many_are_counted_and_long_ones_are_cut),
    };
    return cmocka_run_group_tests_name("findings", tests, NULL, NULL);
}
