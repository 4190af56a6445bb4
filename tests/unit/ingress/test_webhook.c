// What is a request to /api/dial: CONTRACT section 2.
#include "webhook.h"

#include "json.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#define IDS "\"callId\":\"c-1\",\"callDomain\":\"d-1\""
#define NUMBERS "\"To\":\"+14152251493\",\"From\":\"+14158483432\""
#define CALL NUMBERS "," IDS
#define BODY_BYTES_MAX 65536

static void calls_are_recognised(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        enum webhook_kind kind;
        const char *call_id, *to;
    } CASES[] = {
        {"{" CALL "}", WEBHOOK_DIALIN, "c-1", "+14152251493"},
        {" {" IDS "," NUMBERS "}\n", WEBHOOK_DIALIN, "c-1", "+14152251493"},
        {"{" IDS ",\"To\":\"14152251493\",\"From\":\"anonymous\"}", WEBHOOK_DIALIN, "c-1",
         "14152251493"},
        {"{" IDS ",\"To\":\"sip:bot@example.com\",\"From\":\"sip:\xc3\xa4@example.com\"}",
         WEBHOOK_DIALIN, "c-1", "sip:bot@example.com"},
        {"{\"c\\u0061llId\":\"c\\u002d1\",\"callDomain\":\"d-1\"," NUMBERS "}", WEBHOOK_DIALIN,
         "c-1", "+14152251493"},
        {"{" CALL ",\"sipHeaders\":{\"X-Tenant\":\"acme\",\"X-Two\":\"\"}}", WEBHOOK_DIALIN, "c-1",
         "+14152251493"},
        {"{" CALL ",\"sipHeaders\":{}}", WEBHOOK_DIALIN, "c-1", "+14152251493"},
        {"{" CALL ",\"sipHeaders\":null,\"dialout_settings\":null}", WEBHOOK_DIALIN, "c-1",
         "+14152251493"},
        {"{" CALL ",\"newField\":[{\"a\":1}],\"Test\":\"test\"}", WEBHOOK_DIALIN, "c-1",
         "+14152251493"},
        {"{" CALL ",\"callid\":7,\"to\":7}", WEBHOOK_DIALIN, "c-1", "+14152251493"},
        {"{" CALL ",\"dialout_settings\":[]}", WEBHOOK_DIALIN, "c-1", "+14152251493"},
        {"{" CALL ",\"dialout_settings\":[{\"phoneNumber\":\"+1\"}]}", WEBHOOK_DIALIN, "c-1",
         "+14152251493"},
        {"{\"dialout_settings\":[{\"phoneNumber\":\"+1\"}]}", WEBHOOK_DIALOUT, "", ""},
        {"{\"dialout_settings\":{\"phone_number\":\"+1\"}}", WEBHOOK_DIALOUT, "", ""},
        {"{\"dialout_settings\":{\"sipUri\":\"sip:a@b\"}}", WEBHOOK_DIALOUT, "", ""},
        // A part that cannot be used costs no call.
        {"{" IDS "}", WEBHOOK_DIALIN, "c-1", ""},
        {"{" IDS ",\"To\":\"+1\"}", WEBHOOK_DIALIN, "c-1", "+1"},
        {"{" IDS ",\"To\":1,\"From\":\"+1\"}", WEBHOOK_DIALIN, "c-1", "1"},
        {"{" IDS ",\"To\":\"+1\",\"From\":[]}", WEBHOOK_DIALIN, "c-1", "+1"},
        {"{" IDS ",\"To\":{},\"From\":null}", WEBHOOK_DIALIN, "c-1", ""},
        {"{" IDS ",\"To\":\"+1\",\"To\":\"+2\"}", WEBHOOK_DIALIN, "c-1", "+1"},
        {"{" IDS ",\"To\":\"+1\",\"From\":\"\xff\"}", WEBHOOK_DIALIN, "c-1", "+1"},
        {"{" IDS ",\"To\":\"+1\\u0000\",\"x\":\"\\ud800\"}", WEBHOOK_DIALIN, "c-1", "+1"},
        {"{" CALL ",\"sipHeaders\":[]}", WEBHOOK_DIALIN, "c-1", "+14152251493"},
        {"{" CALL ",\"sipHeaders\":\"X\"}", WEBHOOK_DIALIN, "c-1", "+14152251493"},
        {"{" CALL ",\"sipHeaders\":{\"X\":\"1\",\"Y\":1}}", WEBHOOK_DIALIN, "c-1", "+14152251493"},
        {"{" CALL ",\"sipHeaders\":{\"X\":null}}", WEBHOOK_DIALIN, "c-1", "+14152251493"},
        {"{" CALL ",\"dialout_settings\":{}}", WEBHOOK_DIALIN, "c-1", "+14152251493"},
        {"{" CALL ",\"dialout_settings\":\"+1\"}", WEBHOOK_DIALIN, "c-1", "+14152251493"},
        {"{\"dialout_settings\":[1],\"callId\":null,\"To\":\"+1\"}", WEBHOOK_DIALOUT, "", ""},
        {"{\"callId\":\"two words\",\"callDomain\":\"d\"," NUMBERS "}", WEBHOOK_DIALIN, "two words",
         "+14152251493"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct webhook webhook;
        enum webhook_verdict verdict =
            webhook_read(&webhook, view_of_text(CASES[i].body), VIEW(""));
        if (verdict != WEBHOOK_CALL || webhook.kind != CASES[i].kind ||
            strcmp(webhook.call_id, CASES[i].call_id) != 0 ||
            strcmp(webhook.to, CASES[i].to) != 0 ||
            webhook_is_verification(view_of_text(CASES[i].body))) {
            fail_msg("%s: %d, %s, call_id '%s', to '%s'", CASES[i].body, (int)verdict,
                     webhook.sentence, webhook.call_id, webhook.to);
        }
        webhook_release(&webhook);
    }
}

static void verification_requests_are_recognised(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        bool is_one;
    } CASES[] = {
        {"{\"Test\":\"test\"}", true},
        {"{\"test\":\"test\"}", true},
        {" { \"test\" : \"\\u0074est\" } ", true},
        {"{\"To\":\"+14152251493\"}", true},
        {"{\"To\":\"+1\"}", true},
        {"{\"TEST\":\"test\"}", false},
        {"{\"Test\":\"Test\"}", false},
        {"{\"Test\":\"test \"}", false},
        {"{\"Test\":true}", false},
        {"{\"Test\":{\"test\":\"test\"}}", false},
        {"{\"Test\":\"test\",\"test\":\"test\"}", false},
        {"{\"Test\":\"test\",\"Test\":\"test\"}", false},
        {"{\"Test\":\"test\",\"x\":null}", false},
        {"{\"To\":\"+\"}", false},
        {"{\"To\":\"\"}", false},
        {"{\"To\":\"14152251493\"}", false},
        {"{\"To\":\"+1415 2251493\"}", false},
        {"{\"To\":\"+1415x\"}", false},
        {"{\"To\":\"sip:a@b\"}", false},
        {"{\"To\":14152251493}", false},
        {"{\"to\":\"+14152251493\"}", false},
        {"{\"From\":\"+14152251493\"}", false},
        {"{\"To\":\"+14152251493\",\"From\":\"+1\"}", false},
        {"{" CALL "}", false},
        {"{}", false},
        {"[\"test\"]", false},
        {"{\"Test\":\"test\"", false},
        {"{\"Test\":\"test\"}x", false},
        {"", false},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct webhook webhook;
        struct bytes_view body = view_of_text(CASES[i].body);
        bool is_read_as_one = webhook_read(&webhook, body, VIEW("")) == WEBHOOK_VERIFICATION;
        if (webhook_is_verification(body) != CASES[i].is_one || is_read_as_one != CASES[i].is_one) {
            fail_msg("%s", CASES[i].body);
        }
        webhook_release(&webhook);
    }
}

struct refusal {
    struct bytes_view body;
    const char *code, *sentence;
};
#define BODY(literal)                                                                              \
    {                                                                                              \
        (literal), sizeof(literal) - 1                                                             \
    }

static void check_refusals(const struct refusal *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct webhook webhook;
        enum webhook_verdict verdict = webhook_read(&webhook, cases[i].body, VIEW(""));
        if (verdict != WEBHOOK_REFUSED || strcmp(webhook.code, cases[i].code) != 0 ||
            strcmp(webhook.sentence, cases[i].sentence) != 0) {
            fail_msg("%.*s: %d, '%s'", (int)cases[i].body.len, cases[i].body.data, (int)verdict,
                     webhook.sentence);
        }
        webhook_release(&webhook);
        assert_false(webhook_is_verification(cases[i].body));
    }
}

static void missing_fields_are_named(void **state)
{
    (void)state;
    static const struct refusal CASES[] = {
        {BODY("{}"), "missing_fields", "missing or empty: callId, callDomain"},
        {BODY("{\"x\":1}"), "missing_fields", "missing or empty: callId, callDomain"},
        {BODY("{" NUMBERS "}"), "missing_fields", "missing or empty: callId, callDomain"},
        {BODY("{" NUMBERS ",\"callDomain\":\"d\"}"), "missing_fields", "missing or empty: callId"},
        {BODY("{" NUMBERS ",\"callId\":\"c\"}"), "missing_fields", "missing or empty: callDomain"},
        {BODY("{" NUMBERS ",\"callDomain\":\"d\",\"callID\":\"c\"}"), "missing_fields",
         "missing or empty: callId"},
        {BODY("{\"dialout_settings\":[]}"), "missing_fields",
         "missing or empty: callId, callDomain"},
        {BODY("{\"dialout_settings\":[1],\"callId\":\"\"}"), "missing_fields",
         "missing or empty: callId, callDomain"},
        {BODY("{\"dialout_settings\":[1],\"callId\":\"c\"}"), "missing_fields",
         "missing or empty: callDomain"},
    };
    check_refusals(CASES, sizeof CASES / sizeof CASES[0]);
}

#define DIALOUT_SENTENCE                                                                           \
    "dialout_settings must be a list, or an object with phone_number or sip_uri"

static void wrong_types_are_named(void **state)
{
    (void)state;
    static const struct refusal CASES[] = {
        {BODY("{" NUMBERS ",\"callId\":7,\"callDomain\":\"d\"}"), "invalid_field",
         "callId must be a string"},
        {BODY("{" NUMBERS ",\"callId\":\"c\",\"callDomain\":{}}"), "invalid_field",
         "callDomain must be a string"},
        {BODY("{\"dialout_settings\":[1],\"callId\":false}"), "invalid_field",
         "callId must be a string"},
        {BODY("{\"dialout_settings\":\"+1\"}"), "invalid_field", DIALOUT_SENTENCE},
        {BODY("{\"dialout_settings\":true}"), "invalid_field", DIALOUT_SENTENCE},
        {BODY("{\"dialout_settings\":{\"number\":\"+1\"}}"), "invalid_field", DIALOUT_SENTENCE},
        {BODY("{" CALL ",\"callId\":\"c-2\"}"), "invalid_field", "callId is repeated"},
        {BODY("{" CALL ",\"call\\u0049d\":\"c-2\"}"), "invalid_field", "callId is repeated"},
        {BODY("{" CALL ",\"callDomain\":\"d-2\"}"), "invalid_field", "callDomain is repeated"},
        {BODY("{" NUMBERS ",\"callDomain\":\"d\",\"callId\":\"c\\u0000d\"}"), "invalid_field",
         "callId has \\u0000 in it"},
        {BODY("{" NUMBERS ",\"callDomain\":\"d\",\"callId\\u0000\":\"c\"}"), "invalid_field",
         "callId has \\u0000 in it"},
        {BODY("{" NUMBERS ",\"callDomain\":\"d\",\"callId\":\"c\xff\"}"), "invalid_field",
         "callId must be printable ASCII"},
        {BODY("{" NUMBERS ",\"callDomain\":\"d\",\"callId\":\"c\\n1\"}"), "invalid_field",
         "callId must be printable ASCII"},
        {BODY("{" NUMBERS ",\"callDomain\":\"d\",\"callId\":\"\xc3\xa4\"}"), "invalid_field",
         "callId must be printable ASCII"},
        {BODY("{" NUMBERS ",\"callDomain\":\"d\",\"callId\":\"c \"}"), "invalid_field",
         "callId must be printable ASCII"},
        {BODY("{" NUMBERS ",\"callDomain\":\"d\",\"callId\":\" \"}"), "invalid_field",
         "callId must be printable ASCII"},
    };
    check_refusals(CASES, sizeof CASES / sizeof CASES[0]);
}

// That each rule holds is test_json's; here, that each reaches the sender as invalid_json.
static void what_is_no_json_is_said(void **state)
{
    (void)state;
#define NOT_JSON "the body is not acceptable JSON: "
    static const struct refusal CASES[] = {
        {BODY(""), "invalid_json", NOT_JSON "there is no text"},
        {BODY("To=%2B1"), "invalid_json", NOT_JSON "it is not a JSON object"},
        {BODY("[{" CALL "}]"), "invalid_json", NOT_JSON "it is not a JSON object"},
        {BODY("\xef\xbb\xbf{" CALL "}"), "invalid_json", NOT_JSON "it is not a JSON object"},
        {BODY("{" CALL), "invalid_json", NOT_JSON "an object does not end"},
        {BODY("{" CALL "}{}"), "invalid_json", NOT_JSON "there are bytes after the object"},
        {BODY("{" CALL "}\0"), "invalid_json", NOT_JSON "there are bytes after the object"},
        {BODY("{" IDS ",\"To\":\"+1\",\"From\":\"\n\"}"), "invalid_json",
         NOT_JSON "a string has a control byte"},
        {BODY("{" CALL ",\"x\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[0]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}"),
         "invalid_json", NOT_JSON "it is nested deeper than 32"},
    };
    check_refusals(CASES, sizeof CASES / sizeof CASES[0]);
}

// A dial-in whose field `name` is `len` bytes long.
static enum webhook_verdict read_with_length(struct webhook *webhook, const char *name, size_t len)
{
    static const char *const FIELDS[] = {"To", "From", "callId", "callDomain"};
    struct bytes body;
    bytes_init(&body, BODY_BYTES_MAX);
    for (size_t i = 0; i < 4; i++) {
        bytes_printf(&body, "%c\"%s\":\"", i == 0 ? '{' : ',', FIELDS[i]);
        for (size_t byte = 0; byte < (strcmp(FIELDS[i], name) ? 1 : len); byte++) {
            bytes_append_text(&body, "7");
        }
        bytes_append_text(&body, "\"");
    }
    bytes_append_text(&body, "}");
    enum webhook_verdict verdict = webhook_read(webhook, bytes_view(&body), VIEW(""));
    bytes_release(&body);
    return verdict;
}

static void parties_are_shortened_and_ids_are_not(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t bytes_max;
        bool is_refused;
    } CASES[] = {{"To", 1024, false}, {"From", 1024, false}, {"callId", 128, true}};
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct webhook webhook;
        assert_int_equal(read_with_length(&webhook, CASES[i].name, CASES[i].bytes_max),
                         WEBHOOK_CALL);
        assert_string_equal(webhook.flaw, "");
        assert_int_equal(strlen(webhook.to), i == 0 ? 1024 : 1);
        assert_int_equal(strlen(webhook.call_id), i == 2 ? 128 : 1);
        webhook_release(&webhook);
        assert_int_equal(read_with_length(&webhook, CASES[i].name, CASES[i].bytes_max + 1),
                         CASES[i].is_refused ? WEBHOOK_REFUSED : WEBHOOK_CALL);
        assert_int_equal(strlen(webhook.to), CASES[i].is_refused ? 0 : i == 0 ? 1024 : 1);
        assert_true(CASES[i].is_refused || strstr(webhook.flaw, "was shortened from 1025"));
        webhook_release(&webhook);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_are_recognised),
        cmocka_unit_test(verification_requests_are_recognised),
        cmocka_unit_test(missing_fields_are_named),
        cmocka_unit_test(wrong_types_are_named),
        cmocka_unit_test(what_is_no_json_is_said),
        cmocka_unit_test(parties_are_shortened_and_ids_are_not),
    };
    json_init();
    return cmocka_run_group_tests_name("webhook", tests, NULL, NULL);
}
