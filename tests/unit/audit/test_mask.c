// No caller's number leaves the board.
#include "mask.h"

#include "json.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

static void texts(void **state)
{
    (void)state;
    static const struct {
        const char *text, *masked;
    } CASES[] = {
        {"", ""},
        {"+14158483432", "+1…3432"},
        {"14158483432", "1…3432"},
        {"004915112345678", "0…5678"},
        {"5550100", "…00"},
        {"555010", "555010"},
        {"+1 (415) 848-3432", "+1…3432"},
        {"+1.415.848.3432", "+1…3432"},
        {"415-848-3432 and 415/848-3499.", "4…3432 and 4…3499."},
        {"x14158483432y", "x1…3432y"},
        {"\\u002b\\u0031\\u0034158483432", "\\u002b1…3432"},
        {"sip:anna@pbx.example", "sip:…@pbx.example"},
        {"SIPS:+14158483432@pbx.example;user=phone", "SIPS:…@pbx.example;user=phone"},
        {"\"+49…\" <sip:user--tenant@pbx.example>", "\"+49…\" <sip:…@pbx.example>"},
        {"anna@pbx.example", "…@pbx.example"},
        {"tel:+14158483432", "tel:+1…3432"},
        {"6a4408fe-91ef-41b4-9786-c29dfe6cc74d", "6a4408fe-91ef-41b4-9786-c29dfe6cc74d"},
        {"11111111-2222-3333-4444-555555555555", "11111111-2222-3333-4444-555555555555"},
        {"x11111111-2222-3333-4444-555555555555", "x1…5555"},
        {"out-0123456789abcdef0123456789abcdef", "out-0123456789abcdef0123456789abcdef"},
        {"0123456789abcdef0123456789abcdef0", "0…6789abcdef0…6789abcdef0"},
        {"2026-11-26T14:05:09.123Z", "2026-11-26T14:05:09.123Z"},
        {"192.168.100.200:7860", "192.168.100.200:7860"},
        {"HTTP 429 in 120 ms, attempt 48", "HTTP 429 in 120 ms, attempt 48"},
        {"Call 14158483432, or 14158483499", "Call 1…3432, or 1…3499"},
    };
    struct bytes out;
    bytes_init(&out, 4096);
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        bytes_clear(&out);
        mask_text(view_of_text(CASES[i].text), &out);
        assert_string_equal(bytes_text(&out), CASES[i].masked);
    }
    bytes_release(&out);
}

static void trees(void **state)
{
    (void)state;
    static const struct {
        const char *json, *masked;
    } CASES[] = {
        {"{\"from\":\"+14158483432\",\"received_ms\":1795408783000}",
         "{\"from\":\"+1…3432\",\"received_ms\":1795408783000}"},
        {"{\"entry\":\"1795408783000-0\",\"error\":\"1795408783000-0\"}",
         "{\"entry\":\"1795408783000-0\",\"error\":\"1…0000\"}"},
        {"{\"entry\":\"14158483432\"}", "{\"entry\":\"1…3432\"}"},
        {"{\"session_id\":\"14158483432\",\"timestamp\":\"1795408783\"}",
         "{\"session_id\":\"14158483432\",\"timestamp\":\"1795408783\"}"},
        {"{\"webhook\":{\"body\":\"{\\\"From\\\":\\\"\\\\u002b14158483432\\\",\\\"x\\\":"
         "14158483432}\"}}",
         "{\"webhook\":{\"body\":\"{\\\"From\\\":\\\"+1…3432\\\",\\\"x\\\":\\\"1…3432\\\"}\"}}"},
        {"{\"request\":\"{\\\"exp\\\":1795408783,\\\"n\\\":1}\"}",
         "{\"request\":\"{\\\"exp\\\":1795408783,\\\"n\\\":1}\"}"},
        {"{\"response\":\"{\\\"cut\\\": \\\"+14158483432\"}",
         "{\"response\":\"{\\\"cut\\\": \\\"+1…3432\"}"},
        {"{\"body\":\"{\\\"session_id\\\":\\\"+14158483432\\\"}\"}",
         "{\"body\":\"{\\\"session_id\\\":\\\"+1…3432\\\"}\"}"},
        {"{\"body\":\"{\\\"14158483432\\\":1}\"}", "{\"body\":\"{\\\"1…3432\\\":1}\"}"},
        {"{\"body\":\"[\\\"14158483432\\\",[14158483432]]\"}",
         "{\"body\":\"[\\\"1…3432\\\",[\\\"1…3432\\\"]]\"}"},
    };
    struct bytes out;
    json_init();
    bytes_init(&out, 4096);
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        cJSON *tree = cJSON_Parse(CASES[i].json);
        assert_non_null(tree);
        bytes_clear(&out);
        mask_tree(tree);
        json_print(tree, &out);
        assert_string_equal(bytes_text(&out), CASES[i].masked);
        cJSON_Delete(tree);
    }
    bytes_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(texts), cmocka_unit_test(trees)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
