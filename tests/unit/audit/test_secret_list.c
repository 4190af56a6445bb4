// The numbers' secrets as a text: which are kept, for how long, and in which order.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "secret_list.h"

#define A "YSBzZWNyZXQgb2YgdGhpcnR5LXR3byBieXRlcywgb2s="
#define B "YW5vdGhlciBzZWNyZXQsIHRoaXJ0eS10d28gYnl0ZXM="
#define NOW 1000000

// Updates with one number that has this secret, and compares the text.
static void expect(struct secret_list *list, const char *secret, uint64_t now_ms, bool keeps_old,
                   const char *wanted)
{
    char json[256];
    struct bytes unusable, text;
    struct daily_number number = {.id = "1"};
    const struct daily_numbers numbers = {&number, secret ? 1 : 0};
    snprintf(json, sizeof json, "{\"phone_number\":\"+1415\",\"hmac\":\"%s\"}",
             secret ? secret : "");
    number.config = cJSON_Parse(json);
    bytes_init(&unusable, 100);
    bytes_init(&text, SECRET_LIST_BYTES_MAX);
    secret_list_update(list, &numbers, now_ms, &unusable);
    assert_int_equal(secret_list_print(list, keeps_old, now_ms, &text), wanted != NULL);
    assert_string_equal(bytes_text(&text), wanted ? wanted : "");
    bytes_release(&unusable);
    bytes_release(&text);
    cJSON_Delete(number.config);
}

static void an_old_secret_stays_for_a_while(void **state)
{
    (void)state;
    struct secret_list *list = secret_list_new();
    expect(list, A, NOW, true, "+1415=" A "\n");
    expect(list, B, NOW + 1, true, "+1415=" B ",+1415=" A "\n");
    expect(list, B, NOW + SECRET_KEEP_MS, true, "+1415=" B ",+1415=" A "\n");
    expect(list, B, NOW + SECRET_KEEP_MS, false, "+1415=" B "\n");
    expect(list, B, NOW + SECRET_KEEP_MS + 1, true, "+1415=" B "\n");
    expect(list, A, NOW + SECRET_KEEP_MS + 2, true, "+1415=" A ",+1415=" B "\n");
    secret_list_free(list);
}

static void without_a_secret_there_is_no_text(void **state)
{
    (void)state;
    struct secret_list *list = secret_list_new();
    expect(list, NULL, NOW, true, NULL);
    expect(list, "no base64", NOW, true, NULL);
    expect(list, A "," B, NOW, true, NULL); // would be two
    secret_list_free(list);
}

static void a_file_is_as_old_as_it_says(void **state)
{
    (void)state;
    struct secret_list *list = secret_list_new();
    secret_list_take_text(list, VIEW("+1=x, +2=y\n,,\n"), NOW - SECRET_KEEP_MS);
    expect(list, A, NOW, true, "+1415=" A ",+1=x,+2=y\n");
    expect(list, A, NOW + 1, true, "+1415=" A "\n");
    secret_list_free(list);
}

// What Daily shows now finds room, whatever was kept.
static void the_current_one_always_has_room(void **state)
{
    (void)state;
    struct secret_list *list = secret_list_new();
    struct bytes text;
    bytes_init(&text, SECRET_LIST_BYTES_MAX);
    for (unsigned i = 0; i < SECRET_LIST_MAX + 5; i++) {
        bytes_printf(&text, "+%u=s,", i);
    }
    secret_list_take_text(list, bytes_view(&text), NOW);
    expect(list, A, NOW, false, "+1415=" A "\n");
    bytes_release(&text);
    secret_list_free(list);
}

// New secrets do not wait until the old ones are forgotten.
static void old_ones_take_the_room_that_is_left(void **state)
{
    (void)state;
    struct secret_list *list = secret_list_new();
    struct bytes old, text;
    bytes_init(&old, 2 * SECRET_LIST_BYTES_MAX);
    bytes_init(&text, SECRET_LIST_BYTES_MAX);
    for (unsigned i = 0; i < SECRET_LIST_MAX - 1; i++) {
        bytes_printf(&old, "+%090u=s,", i);
    }
    secret_list_take_text(list, bytes_view(&old), NOW);
    struct daily_number number = {.id = "1",
                                  .config = cJSON_Parse("{\"phone_number\":\"+1415\","
                                                        "\"hmac\":\"" A "\"}")};
    const struct daily_numbers numbers = {&number, 1};
    assert_int_equal(secret_list_update(list, &numbers, NOW, &old), 1);
    assert_true(secret_list_print(list, true, NOW, &text));
    assert_memory_equal(bytes_text(&text), "+1415=" A ",+000", strlen("+1415=" A ",+000"));
    assert_in_range(text.len, SECRET_LIST_BYTES_MAX - 100, SECRET_LIST_BYTES_MAX);
    assert_memory_equal(text.data + text.len - 3, "=s\n", 3);
    cJSON_Delete(number.config);
    bytes_release(&old);
    bytes_release(&text);
    secret_list_free(list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_old_secret_stays_for_a_while),
        cmocka_unit_test(without_a_secret_there_is_no_text),
        cmocka_unit_test(a_file_is_as_old_as_it_says),
        cmocka_unit_test(the_current_one_always_has_room),
        cmocka_unit_test(old_ones_take_the_room_that_is_left),
    };
    return cmocka_run_group_tests_name("secret_list", tests, NULL, NULL);
}
