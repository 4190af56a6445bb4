// What must not be recorded, in each form in which it may come, and what must stay as it is.
#include "json.h"
#include "redact.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LEN(array) (sizeof(array) / sizeof(array)[0])
#define R "[redacted]"
#define TEXT_BYTES_MAX (256 * 1024)
#define JWT "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln"

static const char *const SECRETS[] = {"pk_live/0123",
                                      "a\"b\\c/d",
                                      "p\xc3\xa4ss\xf0\x9f\x94\x91wort",
                                      NULL,
                                      "abc",
                                      "",
                                      "pk_live/0123-longer",
                                      "0123456",
                                      "zebra-longer",
                                      "zebra"};
static struct redact_secrets *known, *none;

struct redact_case {
    const char *text;
    const char *redacted; // NULL: as it was
};

static void check(const struct redact_case *cases, size_t count,
                  const struct redact_secrets *secrets, bool is_json)
{
    for (size_t i = 0; i < count; i++) {
        const char *wanted = cases[i].redacted ? cases[i].redacted : cases[i].text;
        struct bytes out;
        bytes_init(&out, TEXT_BYTES_MAX);
        redact(view_of_text(cases[i].text), secrets, &out);
        if (strcmp(bytes_text(&out), wanted) != 0) {
            fail_msg("%s\n  became %s\n  not    %s", cases[i].text, bytes_text(&out), wanted);
        }
        cJSON *tree = cJSON_Parse(bytes_text(&out));
        if (is_json && !tree) {
            fail_msg("not JSON any longer: %s", bytes_text(&out));
        }
        cJSON_Delete(tree);
        bytes_release(&out);
    }
}

static void names_in_json(void **state)
{
    (void)state;
    static const struct redact_case CASES[] = {
        {"{\"dailyToken\":\"x\",\"dailyRoom\":\"y\"}",
         "{\"dailyToken\":\"" R "\",\"dailyRoom\":\"y\"}"},
        {"{\"daily_api_key\":\"x\"}", "{\"daily_api_key\":\"" R "\"}"},
        {"{\"apiKey\":\"x\"}", "{\"apiKey\":\"" R "\"}"},
        {"{\"APIKey\":\"x\"}", "{\"APIKey\":\"" R "\"}"},
        {"{\"apikey\":\"x\"}", "{\"apikey\":\"" R "\"}"},
        {"{\"x-api-key\":\"x\"}", "{\"x-api-key\":\"" R "\"}"},
        {"{\"DAILY_API_KEY\":\"x\"}", "{\"DAILY_API_KEY\":\"" R "\"}"},
        {"{\"api.key\":\"x\"}", "{\"api.key\":\"" R "\"}"},
        {"{\"key\":\"x\"}", "{\"key\":\"" R "\"}"},
        {"{\"Api Key: \":\"x\"}", "{\"Api Key: \":\"" R "\"}"},
        {"{\"accesstoken\":\"x\"}", "{\"accesstoken\":\"" R "\"}"},
        {"{\"TOKEN\":\"x\"}", "{\"TOKEN\":\"" R "\"}"},
        {"{\"clientSecret\":\"x\"}", "{\"clientSecret\":\"" R "\"}"},
        {"{\"Password\":\"x\"}", "{\"Password\":\"" R "\"}"},
        {"{\"Authorization\":\"Basic x\"}", "{\"Authorization\":\"" R "\"}"},
        {"{\"proxy-authorization\":\"x\"}", "{\"proxy-authorization\":\"" R "\"}"},
        {"{\"daily\\u0054oken\":\"x\"}", "{\"daily\\u0054oken\":\"" R "\"}"},
        {"{\"\\u006b\\u0065\\u0079\":\"x\"}", "{\"\\u006b\\u0065\\u0079\":\"" R "\"}"},
        {"{\"a\\\"_key\":\"x\"}", "{\"a\\\"_key\":\"" R "\"}"},
        {"{\"a_long_name_of_more_than_thirty_two_bytes_key\":\"x\"}",
         "{\"a_long_name_of_more_than_thirty_two_bytes_key\":\"" R "\"}"},
        {" { \"token\" :\n\"x\" } ", " { \"token\" :\n\"" R "\" } "},
        {"{\"token\":\"a\\\"b\\\\\",\"x\":\"y\"}", "{\"token\":\"" R "\",\"x\":\"y\"}"},
        {"{\"token\":1.5e3}", "{\"token\":\"" R "\"}"},
        {"{\"token\":true}", "{\"token\":\"" R "\"}"},
        {"{\"token\":[\"x\",2,[\"y\"],null]}",
         "{\"token\":[\"" R "\",\"" R "\",[\"" R "\"],null]}"},
        {"{\"token\":{\"value\":\"x\",\"key\":\"y\"}}",
         "{\"token\":{\"value\":\"x\",\"key\":\"" R "\"}}"},
        {"{\"token\":\"x\",\"token\":\"y\"}", "{\"token\":\"" R "\",\"token\":\"" R "\"}"},
        {"[{\"token\":\"x\"},[{\"a\":{\"key\":\"y\"}}]]",
         "[{\"token\":\"" R "\"},[{\"a\":{\"key\":\"" R "\"}}]]"},

        {"{\"token\":null,\"key\":\"\",\"secret\":{},\"password\":[]}", NULL},
        {"{\"max_tokens\":5,\"keyboard\":\"x\",\"keys\":\"x\",\"tokenizer\":\"x\"}", NULL},
        {"{\"monkey\":\"x\",\"MONKEY\":\"x\",\"turkey\":\"x\",\"Whiskey\":\"x\"}", NULL},
        {"{\"Idempotency-Key\":\"c-1\",\"idempotency_key\":\"c-1\",\"idempotencyKey\":\"c\"}",
         NULL},
        {"{\"secretary\":\"x\",\"passwords_are\":\"x\",\"authorizations\":\"x\"}", NULL},
        {"{\"name\":\"token\",\"b\":[\"key\",\"value\"]}", NULL},
        {"{\"From\":\"+14158483432\",\"call_id\":\"6f9a\",\"exp\":1795408783,\"f\":-0.5}", NULL},
        {"[]", NULL},
        {"\"x\"", NULL},
        {"12", NULL},
        {"null", NULL},
    };
    check(CASES, LEN(CASES), none, true);
}

static void texts_in_json(void **state)
{
    (void)state;
    static const struct redact_case CASES[] = {
        {"{\"e\":\"Authorization: Bearer x.y\\nHost: z\"}",
         "{\"e\":\"Authorization: " R "\\nHost: z\"}"},
        {"{\"e\":\"got Bearer x\\/y\\u003d, no\"}", "{\"e\":\"got Bearer " R ", no\"}"},
        {"{\"e\":\"\\nkey=x\\ttoken=y\"}", "{\"e\":\"\\nkey=" R "\\ttoken=" R "\"}"},
        {"{\"url\":\"https://h/r?t=" JWT "\"}", "{\"url\":\"https://h/r?t=" R "\"}"},
        {"{\"" JWT "\":1}", "{\"" R "\":1}"},
        {"{\"b\":\"{\\\"dailyToken\\\": \\\"x\\\", \\\"y\\\": \\\"z\\\"}\"}",
         "{\"b\":\"{\\\"dailyToken\\\": \\\"" R "\\\", \\\"y\\\": \\\"z\\\"}\"}"},
        {"{\"b\":\"{\\\"key\\\":\\\"x\\\\\\\"y\\\",\\\"z\\\":1}\"}",
         "{\"b\":\"{\\\"key\\\":\\\"" R "\\\",\\\"z\\\":1}\"}"},
        {"{\"b\":\"{\\\"key\\\":\\\"x\\\\\\\\\\\",\\\"z\\\":1}\"}",
         "{\"b\":\"{\\\"key\\\":\\\"" R "\\\",\\\"z\\\":1}\"}"},
        {"{\"b\":\"{\\\"key\\\":5,\\\"z\\\":1}\"}",
         "{\"b\":\"{\\\"key\\\":\\\"" R "\\\",\\\"z\\\":1}\"}"},
        {"{\"b\":\"{\\\"key\\\":null,\\\"token\\\":[\\\"x\\\",2],\\\"z\\\":1}\"}",
         "{\"b\":\"{\\\"key\\\":null,\\\"token\\\":[\\\"" R "\\\",\\\"" R "\\\"],\\\"z\\\":1}\"}"},
        {"{\"b\":\"\\\"{\\\\\\\"key\\\\\\\":\\\\\\\"x\\\\\\\"}\\\"\"}",
         "{\"b\":\"\\\"{\\\\\\\"key\\\\\\\":\\\\\\\"" R "\\\\\\\"}\\\"\"}"},
        {"{\"b\":\"token='x' ok\"}", "{\"b\":\"token='" R "' ok\"}"},
        {"{\"b\":\"token='x\"}", "{\"b\":\"token='" R "\"}"},
        {"{\"error\":\"Invalid token\",\"code\":\"PCC-AGENT-AT-CAPACITY\"}", NULL},
        {"{\"e\":\"\\token is no name here\"}", NULL},
    };
    check(CASES, LEN(CASES), none, true);
}

static void known_secrets_in_json(void **state)
{
    (void)state;
    static const struct redact_case CASES[] = {
        {"{\"a\":\"xpk_live/0123y\"}", "{\"a\":\"x" R "y\"}"},
        {"{\"a\":\"pk_live\\/0123\"}", "{\"a\":\"" R "\"}"},
        {"{\"a\":\"p\\u006b_live\\u002F0123\"}", "{\"a\":\"" R "\"}"},
        {"{\"a\":\"pk_live/0123-longer.\"}", "{\"a\":\"" R ".\"}"},
        {"{\"a\":\"pk_live/0123456.\"}", "{\"a\":\"" R ".\"}"},
        {"{\"a\":\"key=x;pk_live/0123\"}", "{\"a\":\"key=" R ";" R "\"}"},
        {"{\"a\":\"zebra, zebra-longer.\"}", "{\"a\":\"" R ", " R ".\"}"},
        {"{\"pk_live/0123\":{}}", "{\"" R "\":{}}"},
        {"{\"a\":\"a\\\"b\\\\c/d\"}", "{\"a\":\"" R "\"}"},
        {"{\"a\":\"\\u0061\\u0022b\\u005cc\\/d\"}", "{\"a\":\"" R "\"}"},
        {"{\"a\":\"p\xc3\xa4ss\xf0\x9f\x94\x91wort\"}", "{\"a\":\"" R "\"}"},
        {"{\"a\":\"p\\u00e4ss\\ud83d\\uDD11wort\"}", "{\"a\":\"" R "\"}"},
        {"{\"b\":\"{\\\"a\\\":\\\"pk_live\\\\/0123\\\"}\"}",
         "{\"b\":\"{\\\"a\\\":\\\"" R "\\\"}\"}"},
        {"{\"n\":101234567,\"m\":12345}", "{\"n\":\"" R "\",\"m\":12345}"},
        {"{\"a\":\"abc\",\"b\":\"pk_live/012\",\"c\":\"pk_liv\",\"d\":\"p\"}", NULL},
    };
    check(CASES, LEN(CASES), known, true);
}

static void other_text(void **state)
{
    (void)state;
    static const struct redact_case CASES[] = {
        {"Authorization: Bearer abc", "Authorization: " R},
        {"Authorization: Basic a b\r\nHost: c", "Authorization: " R "\r\nHost: c"},
        {"curl -H 'Authorization: Bearer x' https://h", "curl -H 'Authorization: " R "' https://h"},
        {"the bearer  abc.def was refused", "the bearer  " R " was refused"},
        {"Bearer my-token, Bearer your-key", "Bearer " R ", Bearer " R},
        {"bearer token: abc", "bearer token: " R},
        {"X-Auth-Token: Bearer abc", "X-Auth-Token: " R},
        {"X-Api-Key: abc\nHost: x", "X-Api-Key: " R "\nHost: x"},
        {"token=abc&x=1", "token=" R "&x=1"},
        {"https://h/?a=1&api_key=abc#top", "https://h/?a=1&api_key=" R},
        {"'dailyToken': 'abc'", "'dailyToken': '" R "'"},
        {"{'dailyToken': 'a\\'c', 'x': None}", "{'dailyToken': '" R "', 'x': None}"},
        {"headers[\"Authorization\"] = \"Basic x\"", "headers[\"Authorization\"] = \"" R "\""},
        {":token => \"x\", :y => 1", ":token => \"" R "\", :y => 1"},
        {"<apiKey>x</apiKey><id>5</id>", "<apiKey>" R "</apiKey><id>5</id>"},
        {"C:\\token=abc", "C:\\token=" R},
        {"said " JWT ".", "said " R},
        {"\\n" JWT " \\nkey=x", "\\n" R " \\nkey=" R},
        {"{\"token\":\"x\"}\n{\"token\":\"y\"}\n",
         "{\"token\":\"" R "\"}\n{\"token\":\"" R "\"}\n"},
        {"{\"token\":\"x\",}", "{\"token\":\"" R "\",}"},
        {"{token:'x',y:1}", "{token:'" R "',y:1}"},
        {"5\" wide {\"token\": \"x\"}", "5\" wide {\"token\": \"" R "\"}"},
        {"{\"token\":5} {\"token\":[\"x\", 'y'], z}",
         "{\"token\":\"" R "\"} {\"token\":[\"" R "\", '" R "'], z}"},
        {"{\"bad\":\"\\password=x\"}", "{\"bad\":\"\\password=" R "\"}"},
        {"{\"bad\":\"\\u12\",\"token\":\"x\"}", "{\"bad\":\"\\u12\",\"token\":\"" R "\"}"},
        {"seen pk_live/0123 and a\"b\\c/d!", "seen " R " and " R "!"},
        // a known secret that goes on behind the quote which ends a value
        {"token: [\"za\"b\\c/d\", x]", "token: [\"" R "\"" R},
        {"<html>503 Service Unavailable</html>", NULL},
        {"token", NULL},
        {"token:", NULL},
        {"the key is missing, the monkey=5 too", NULL},
        {"key {a: 1}", NULL},
        {"", NULL},
    };
    check(CASES, LEN(CASES), known, false);
}

static void text_that_was_cut(void **state)
{
    (void)state;
    static const struct redact_case CASES[] = {
        {"{\"dailyToken\":\"ey", "{\"dailyToken\":\"" R},
        {"{\"dailyToken\":\"x\\", "{\"dailyToken\":\"" R},
        {"{\"dailyToken\":\"x\\u00", "{\"dailyToken\":\"" R},
        {"{\"daily\\u0054oken\":\"x", "{\"daily\\u0054oken\":\"" R},
        {"{\"dailyToken\":12", "{\"dailyToken\":\"" R "\""},
        {"[{\"a\":[{\"token\":[\"x\",\"y", "[{\"a\":[{\"token\":[\"" R "\",\"" R},
        {"{\"room\":\"https://h/?t=eyJhbGciOi", "{\"room\":\"https://h/?t=" R},
        {"{\"e\":\"Authorization: Bea", "{\"e\":\"Authorization: " R},
        {"{\"e\":\"a pk_live/01", "{\"e\":\"a " R},
        {"{\"e\":\"a pk_live\\", "{\"e\":\"a " R},
        {"{\"e\":\"a pk_live\\u00", "{\"e\":\"a " R},
        {"no JSON, pk_l", "no JSON, " R},
        {"no JSON, token='x", "no JSON, token='" R},
        {"{\"b\":\"{\\\"token\\\":\\\"x", "{\"b\":\"{\\\"token\\\":\\\"" R},
        {"{\"token", NULL},
        {"{\"token\"", NULL},
        {"{\"token\":", NULL},
        {"{\"token\":\"", NULL},
        {"{\"e\":\"pk_", NULL},
        {"{\"a\":tru", NULL},
        {"{\"a\":1,", NULL},
        {"[", NULL},
    };
    check(CASES, LEN(CASES), known, false);
}

// Every cut of an answer, in each of two ways: nothing of the secrets may be seen but what is too
// short to be known.
static void no_cut_shows_a_secret(void **state)
{
    (void)state;
    static const char TEXT[] =
        "{\"dailyRoom\":\"https://h/?t=" JWT "\",\"dailyToken\":\"sesame-1\","
        "\"e\":\"Bearer "
        "sesame-2\",\"k\":\"pk_live/0123\",\"b\":\"{\\\"key\\\":\\\"sesame-3\\\"}\"}";
    for (size_t len = 0; len < sizeof TEXT; len++) {
        for (size_t max = 0; max < 2; max++) {
            struct bytes out;
            bytes_init(&out, max == 0 ? TEXT_BYTES_MAX : len);
            redact((struct bytes_view){TEXT, max == 0 ? len : sizeof TEXT - 1}, known, &out);
            assert_true(out.len <= out.max);
            assert_null(strstr(bytes_text(&out), "ses"));
            assert_null(strstr(bytes_text(&out), "eyJhbGci"));
            assert_null(strstr(bytes_text(&out), "pk_l"));
            bytes_release(&out);
        }
    }
}

static void out_is_appended_to_and_cut_between_characters(void **state)
{
    (void)state;
    struct bytes out;
    bytes_init(&out, 13);
    bytes_append_text(&out, "a:");
    redact(VIEW("{\"x\":\"\xe2\x82\xac\xe2\x82\xac\"}"), none, &out);
    assert_string_equal(bytes_text(&out), "a:{\"x\":\"\xe2\x82\xac");
    bytes_clear(&out);
    bytes_append_text(&out, "a:");
    redact(VIEW("{no JSON} \xe2\x82\xac"), none, &out);
    assert_string_equal(bytes_text(&out), "a:{no JSON} ");
    bytes_release(&out);
}

static void nul_and_broken_utf8_go_through(void **state)
{
    (void)state;
    struct bytes out;
    bytes_init(&out, TEXT_BYTES_MAX);
    redact(VIEW("\0\xff\x80 token=x\0y \xc3"), none, &out);
    assert_true(view_equal(bytes_view(&out), VIEW("\0\xff\x80 token=" R " \xc3")));
    bytes_release(&out);
}

static void deep_nesting_is_walked_or_searched(void **state)
{
    (void)state;
    struct bytes text, out;
    bytes_init(&text, TEXT_BYTES_MAX);
    bytes_init(&out, TEXT_BYTES_MAX);
    for (int i = 0; i < 20000; i++) {
        bytes_append_text(&text, "{\"a\":[");
    }
    bytes_append_text(&text, "{\"token\":\"sesame\"}");
    redact(bytes_view(&text), none, &out);
    assert_null(strstr(bytes_text(&out), "sesame"));
    assert_non_null(strstr(bytes_text(&out), "{\"token\":\"" R "\"}"));
    bytes_release(&text);
    bytes_release(&out);
}

static uint64_t cpu_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static uint64_t cost_us(const char *unit, size_t len, const char *before)
{
    struct bytes text, out;
    bytes_init(&text, TEXT_BYTES_MAX);
    bytes_init(&out, TEXT_BYTES_MAX * 8);
    bytes_append_text(&text, before);
    while (text.len < len) {
        bytes_append_text(&text, unit);
    }
    uint64_t before_us = cpu_us();
    redact(bytes_view(&text), known, &out);
    uint64_t took_us = cpu_us() - before_us;
    bytes_release(&text);
    bytes_release(&out);
    return took_us;
}

// Twice the text takes about twice the time, never four times; below a millisecond the clock says
// nothing.
static void the_worst_texts_take_linear_time(void **state)
{
    (void)state;
    static const char *const UNITS[] = {
        "eyJ",       "eyJ.",        "eyJ=",        "bearer ",
        "bearer",    "token",       "token ",      "token=",
        "key:",      "\\",          "\\\"",        "\\\\\"",
        "'",         "\"",          "token='",     "token=\"",
        "[",         "{",           "{\"a\":[",    "[\"",
        "token=[",   "token:[',",   " ",           "authorization: ",
        "key\\",     "pk_l",        "pk_live/",    "\\u0070",
        "\\u",       "a-",          ":",           "token=\\",
        "=",         ",",           "\n",          "key ]",
        "bearer \\", "\"token\" ",  "\\\\u0070k",  "%",
        "&#",        "&#112;",      "%70k",        "cGtf\n",
        "name=",     "name=token,", "{\"value\":", "{\"name\":\"key\",\"value\":[",
    };
    static const char *const BEFORE[] = {
        "", "\"", "{\"a\":\"", "token='", "Authorization: ", "'Authorization: "};
    for (size_t i = 0; i < LEN(UNITS) * LEN(BEFORE); i++) {
        const char *unit = UNITS[i % LEN(UNITS)], *before = BEFORE[i / LEN(UNITS)];
        uint64_t half_us = cost_us(unit, 64 * 1024, before);
        uint64_t whole_us = cost_us(unit, 128 * 1024, before);
        for (int again = 0; again < 5 && whole_us > 3000 && whole_us > 3 * half_us; again++) {
            half_us = cost_us(unit, 64 * 1024, before);
            whole_us = cost_us(unit, 128 * 1024, before);
        }
        if (whole_us > 3000 && whole_us > 3 * half_us) {
            fail_msg("%s%s…: 64 KiB take %llu us, 128 KiB %llu us", before, unit,
                     (unsigned long long)half_us, (unsigned long long)whole_us);
        }
    }
}

static int set_up(void **state)
{
    (void)state;
    known = redact_secrets_new();
    none = redact_secrets_new();
    for (size_t i = 0; i < LEN(SECRETS); i++) {
        redact_secrets_add(known, SECRETS[i]);
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    redact_secrets_free(known);
    redact_secrets_free(none);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_in_json),
        cmocka_unit_test(texts_in_json),
        cmocka_unit_test(known_secrets_in_json),
        cmocka_unit_test(other_text),
        cmocka_unit_test(text_that_was_cut),
        cmocka_unit_test(no_cut_shows_a_secret),
        cmocka_unit_test(out_is_appended_to_and_cut_between_characters),
        cmocka_unit_test(nul_and_broken_utf8_go_through),
        cmocka_unit_test(deep_nesting_is_walked_or_searched),
        cmocka_unit_test(the_worst_texts_take_linear_time),
    };
    return cmocka_run_group_tests_name("redact", tests, set_up, tear_down);
}
