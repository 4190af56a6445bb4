// The numbers' secrets as a text: which are kept, for how long, and in which order.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_old_secret_stays_for_a_while),
        cmocka_unit_test(without_a_secret_there_is_no_text),
        cmocka_unit_test(a_file_is_as_old_as_it_says),
        cmocka_unit_test(the_current_one_always_has_room),
    };
    return cmocka_run_group_tests_name("secret_list", tests, NULL, NULL);
}
