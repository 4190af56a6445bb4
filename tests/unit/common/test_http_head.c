// Whether a head was understood byte for byte. Each case is a spelling of one head: what is too
// much in one place may be missing in another, so that the length is right.
#include "http_head.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

// As libmicrohttpd reports every one of these heads.
static bool is_exact(struct bytes_view raw)
{
    struct http_head head;
    http_head_begin(&head, raw);
    http_head_expect(&head, "POST");
    http_head_expect(&head, " ");
    http_head_skip(&head, 2);
    http_head_expect(&head, " HTTP/1.1\r\n");
    http_head_expect_header(&head, "A", "b");
    http_head_expect_header(&head, "C", NULL);
    http_head_expect(&head, "\r\n");
    return http_head_is_exact(&head);
}

static void only_the_usual_spelling_is_exact(void **state)
{
    (void)state;
    static const struct {
        bool is_exact;
        struct bytes_view head;
    } CASES[] = {
        {true, VIEW("POST /x HTTP/1.1\r\nA: b\r\nC: \r\n\r\n")},
        {false, VIEW("POST /x HTTP/1.1\r\nA: b\r\nC: \r\n\r\nG")},
        {false, VIEW("POST /x HTTP/1.1\r\nA: b\r\nC: \r\n\r")},
        {false, VIEW("POST /x HTTP/1.1\r\nA: b\r\n")},
        {false, VIEW("")},
        // The same length:
        {false, VIEW("POST /x HTTP/1.1\r\nA:  b\nC: \r\n\r\n")},
        {false, VIEW("POST /x HTTP/1.1\nA:  b\r\nC: \r\n\r\n")},
        {false, VIEW("POST /x HTTP/1.1\r\nA: b\r\nC:  \n\r\n")},
        {false, VIEW("POST /x HTTP/1.1\r\nA: b\r\nC:  \r\n\n")},
        {false, VIEW("POST /x HTTP/1.1\r\nA: b\0\nC: \r\n\r\n")},
        {false, VIEW("POST /x HTTP/1.1\r\nA: b\n\0C: \r\n\r\n")},
        {false, VIEW("POST /x HTTP/1.1\r\nA:b \r\nC: \r\n\r\n")},
        {false, VIEW("POST /x HTTP/1.1\r\nA:\tb\r\nC: \r\n\r\n")},
        {false, VIEW("POST /x HTTP/1.1\r\na: b\r\nC: \r\n\r\n")},
        {false, VIEW("POST /x HTTP/1.1\r\nA :b\r\nC: \r\n\r\n")},
        {false, VIEW("POST\t/x HTTP/1.1\r\nA: b\r\nC: \r\n\r\n")},
        {false, VIEW("POST /x HTTP/1.1\r\nA: b\n C:\r\n\r\n")},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        if (is_exact(CASES[i].head) != CASES[i].is_exact) {
            fail_msg("case %zu", i);
        }
    }
}

static void finds_a_nul(void **state)
{
    (void)state;
    assert_true(http_head_has_nul(VIEW("a\0")));
    assert_true(http_head_has_nul(VIEW("\0a")));
    assert_false(http_head_has_nul(VIEW("a")));
    assert_false(http_head_has_nul((struct bytes_view){NULL, 0}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_usual_spelling_is_exact),
        cmocka_unit_test(finds_a_nul),
    };
    return cmocka_run_group_tests_name("http_head", tests, NULL, NULL);
}
