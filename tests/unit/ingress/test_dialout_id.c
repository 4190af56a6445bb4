// What identifies a dial-out: CONTRACT, section 2.
#include "dialout_id.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#define OF_130_BYTES                                                                               \
    "0123456789012345678901234567890123456789012345678901234567890123456789"                       \
    "012345678901234567890123456789012345678901234567890123456789"

static void the_id_is_what_the_credentials_cover(void **state)
{
    (void)state;
    static const struct {
        bool is_signed;
        const char *header, *body_key;
        const char *id; // NULL: refused
    } CASES[] = {
        {false, "order-7", NULL, "order-7"},
        {false, "order-7", "other", "order-7"},
        {true, "order-7", "other", "other"},
        // SHA-256 of `1700000000.{"a":1}`
        {true, "order-7", NULL, "out-"},
        {true, NULL, NULL, "out-"},
        {true, NULL, "", NULL},
        {true, NULL, "a~r1", NULL},
        {true, NULL, "caf\xc3\xa9", NULL},
        {true, NULL, OF_130_BYTES, NULL},
        {false, "", NULL, NULL},
        {false, "~", NULL, NULL},
        {false, "a~cb", NULL, NULL},
        {false, OF_130_BYTES, NULL, NULL},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        char id[DIALOUT_ID_BYTES] = "";
        const struct dialout_request request = {CASES[i].is_signed, CASES[i].header,
                                                CASES[i].body_key, VIEW("1700000000"),
                                                VIEW("{\"a\":1}")};
        const char *problem = dialout_id_choose(&request, id);
        bool is_good = CASES[i].id ? !problem && !strncmp(id, CASES[i].id, strlen(CASES[i].id))
                                   : problem && strstr(problem, "without ~");
        if (!is_good) {
            fail_msg("case %zu: '%s', %s", i, id, problem ? problem : "taken");
        }
    }
}

static void the_derived_id_depends_on_what_is_signed_alone(void **state)
{
    (void)state;
    char ids[4][DIALOUT_ID_BYTES];
    const struct dialout_request requests[] = {
        {true, NULL, NULL, VIEW("1700000000"), VIEW("{}")},
        {true, "key", NULL, VIEW("1700000000"), VIEW("{}")},
        {true, NULL, NULL, VIEW("1700000001"), VIEW("{}")},
        {true, NULL, NULL, VIEW("1700000000"), VIEW("{ }")},
    };
    for (size_t i = 0; i < 4; i++) {
        assert_null(dialout_id_choose(&requests[i], ids[i]));
        assert_int_equal(strlen(ids[i]), 36);
    }
    assert_string_equal(ids[0], ids[1]);
    assert_string_not_equal(ids[0], ids[2]);
    assert_string_not_equal(ids[0], ids[3]);
}

static void unsigned_ones_without_a_key_are_all_different(void **state)
{
    (void)state;
    char first[DIALOUT_ID_BYTES], second[DIALOUT_ID_BYTES];
    const struct dialout_request request = {false, NULL, "ignored", VIEW(""), VIEW("{}")};
    assert_null(dialout_id_choose(&request, first));
    assert_null(dialout_id_choose(&request, second));
    assert_int_equal(strlen(first), 32);
    assert_string_not_equal(first, second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_id_is_what_the_credentials_cover),
        cmocka_unit_test(the_derived_id_depends_on_what_is_signed_alone),
        cmocka_unit_test(unsigned_ones_without_a_key_are_all_different),
    };
    return cmocka_run_group_tests_name("dialout_id", tests, NULL, NULL);
}
