// What is sent when a number is pointed at a URL: never without its secret, and nothing else is
// lost.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "daily_change.h"

static void only_the_url_changes(void **state)
{
    (void)state;
    static const struct {
        const char *config, *body; // NULL: nothing is sent
    } CASES[] = {
        {"{\"hmac\":\"s\",\"room_creation_api\":\"a\",\"x\":{\"y\":[1,null]}}",
         "{\"hmac\":\"s\",\"x\":{\"y\":[1,null]},\"room_creation_api\":\"b\"}"},
        {"{\"hmac\":\"s\",\"z\":null,\"n\":1.5}",
         "{\"hmac\":\"s\",\"n\":1.5,\"room_creation_api\":\"b\"}"},
        {"{\"room_creation_api\":\"a\"}", NULL},
        {"{\"hmac\":\"\"}", NULL},
        {"{\"hmac\":null}", NULL},
        {"{\"hmac\":5}", NULL},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        cJSON *config = cJSON_Parse(CASES[i].config);
        cJSON *body = daily_change_body(config, "b");
        char *text = body ? cJSON_PrintUnformatted(body) : NULL;
        if (CASES[i].body) {
            assert_string_equal(text, CASES[i].body);
        } else {
            assert_null(body);
        }
        cJSON_free(text);
        cJSON_Delete(body);
        cJSON_Delete(config);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(only_the_url_changes)};
    return cmocka_run_group_tests_name("daily_change", tests, NULL, NULL);
}
