// Which numbers can be called back, and what a call back's request says.
#include "callable_number.h"
#include "transform.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static void only_whole_numbers_can_be_called(void **state)
{
    (void)state;
    static const struct {
        const char *from, *digits;
    } CASES[] = {
        {"+14165550100", "14165550100"},
        {"14165550100", "14165550100"},
        {"0014165550100", "14165550100"},
        {"+1 (416) 555-0100", "14165550100"},
        {"tel:+1-416-555-0100", "14165550100"},
        {"\"Ann\" <sip:+14165550100@trunk.example>", "14165550100"},
        {"+49 (0) 30 123456", "4930123456"},
        {"+123456789012345", "123456789012345"},
        {"+1234567890123456", ""}, // longer than any
        {"+141655", ""},           // shorter than any
        {"030123456", ""},         // of which country?
        {"sip:14165550100@pbx.example", ""},
        {"sip:1001@pbx.example", ""},
        {"sip:ann@example.com", ""},
        {"anonymous", ""},
        {"Restricted", ""},
        {"266696687", ""},
        {"+266696687", ""},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        char digits[PHONE_DIGITS_MAX + 1];
        callable_number(CASES[i].from, digits);
        assert_string_equal(digits, CASES[i].digits);
    }
    char digits[PHONE_DIGITS_MAX + 1];
    callable_number(NULL, digits);
    assert_string_equal(digits, "");
}

static void of_a_dialout_all_whole_numbers_count(void **state)
{
    (void)state;
    static const struct {
        const char *settings, *numbers;
    } CASES[] = {
        {"[{\"phoneNumber\":\"+14165550100\"}]", "14165550100"},
        {"{\"phone_number\":\"+1 416 555 0100\"}", "14165550100"},
        {"{\"sip_uri\":\"sip:+14165550100@trunk.example\"}", "14165550100"},
        {"[{\"phoneNumber\":\"+14165550100\",\"phone_number\":\"+14165550100\"},"
         "{\"sipUri\":\"sip:ann@example.com\"},{\"phone_number\":\"+14165550101\"}]",
         "14165550100 14165550101"},
        {"[{\"phoneNumber\":\"1001\",\"sipUri\":\"sip:+14165550100@a.example\"}]", "14165550100"},
        {"[7,null,\"+14165550100\",[],{}]", ""},
        {"\"+14165550100\"", ""},
        {"[]", ""},
        {"null", ""},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct bytes numbers;
        bytes_init(&numbers, CALLABLE_NUMBERS_MAX * (PHONE_DIGITS_MAX + 1));
        cJSON *settings = cJSON_Parse(CASES[i].settings);
        assert_non_null(settings);
        callable_numbers_of_dialout(settings, &numbers);
        assert_string_equal(bytes_text(&numbers), CASES[i].numbers);
        cJSON_Delete(settings);
        bytes_release(&numbers);
    }
}

static void of_very_many_numbers_the_first_count(void **state)
{
    (void)state;
    struct bytes numbers;
    bytes_init(&numbers, CALLABLE_NUMBERS_MAX * (PHONE_DIGITS_MAX + 1));
    cJSON *settings = cJSON_CreateArray();
    for (int i = 0; i < 1000; i++) {
        char text[32];
        cJSON *party = cJSON_CreateObject();
        snprintf(text, sizeof text, "+%015d", 1 + i);
        text[1] = '1';
        cJSON_AddStringToObject(party, "phoneNumber", text);
        cJSON_AddItemToArray(settings, party);
    }
    callable_numbers_of_dialout(settings, &numbers);
    assert_int_equal(numbers.len, CALLABLE_NUMBERS_MAX * (CALLABLE_DIGITS_MAX + 1) - 1);
    callable_numbers_of_dialout(NULL, &numbers);
    assert_int_equal(numbers.len, CALLABLE_NUMBERS_MAX * (CALLABLE_DIGITS_MAX + 1) - 1);
    cJSON_Delete(settings);
    bytes_release(&numbers);
}

// A member of that name is our own only in a call back.
static void the_bot_learns_whom_it_calls_back(void **state)
{
    (void)state;
    static const char BODY[] = "{\"From\":\"+2\",\"To\":\"+1\",\"dialout_settings\":[1],"
                               "\"callback\":{\"call_id\":\"c-1\",\"rang_ms\":7}}";
    static const char ROUTES[] = "{\"callback\":\"the route's\",\"tier\":\"gold\"}";
    struct json_document routes;
    assert_null(json_parse(&routes, VIEW(ROUTES)));
    const struct transform_settings settings = {.body = &routes};
    for (int is_callback = 0; is_callback <= 1; is_callback++) {
        const struct webhook_entry entry = {.kind = WEBHOOK_DIALOUT,
                                            .call_id = VIEW("c-1~cb"),
                                            .callback_of = is_callback ? VIEW("c-1") : VIEW(""),
                                            .body = VIEW(BODY)};
        struct transform_facts facts = {0};
        struct bytes request;
        bytes_init(&request, TRANSFORM_REQUEST_BYTES_MAX);
        assert_null(transform(&entry, &settings, 1, &request, &facts));
        const char *tail = is_callback ? "\"sip_headers\":null,\"callback\":{\"call_id\":\"c-1\","
                                         "\"rang_ms\":7},\"tier\":\"gold\"}}"
                                       : "\"sip_headers\":null,\"callback\":\"the route's\","
                                         "\"tier\":\"gold\"}}";
        const char *found = strstr(bytes_text(&request), "\"sip_headers\"");
        assert_non_null(found);
        assert_string_equal(found, tail);
        transform_facts_release(&facts);
        bytes_release(&request);
    }
    json_release(&routes);
}

int main(void)
{
    json_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_whole_numbers_can_be_called),
        cmocka_unit_test(of_a_dialout_all_whole_numbers_count),
        cmocka_unit_test(of_very_many_numbers_the_first_count),
        cmocka_unit_test(the_bot_learns_whom_it_calls_back),
    };
    return cmocka_run_group_tests_name("callback", tests, NULL, NULL);
}
