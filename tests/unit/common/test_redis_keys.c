// Keys are made of the prefix, a name from the list, and the rest.
#include "redis_keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>

static void keys_have_the_prefix(void **state)
{
    (void)state;
    struct bytes key;
    redis_key_init(&key, "{dialin}", REDIS_KEY_WEBHOOKS);
    assert_string_equal(bytes_text(&key), "{dialin}:webhooks");
    redis_key_set(&key, "{dialin}", REDIS_KEY_CALL, VIEW("c-1"));
    assert_string_equal(bytes_text(&key), "{dialin}:call:c-1");
    redis_key_set(&key, "p", REDIS_KEY_LINE, VIEW(""));
    assert_string_equal(bytes_text(&key), "p:line:");
    bytes_release(&key);
}

static void one_that_is_too_long_is_empty(void **state)
{
    (void)state;
    struct bytes key;
    char name[REDIS_KEY_BYTES_MAX + 1];
    memset(name, 'x', sizeof name);
    redis_key_init(&key, "p", REDIS_KEY_CALL);
    redis_key_set(&key, "p", REDIS_KEY_CALL, (struct bytes_view){name, sizeof name});
    assert_int_equal(key.len, 0);
    bytes_release(&key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_have_the_prefix),
        cmocka_unit_test(one_that_is_too_long_is_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
