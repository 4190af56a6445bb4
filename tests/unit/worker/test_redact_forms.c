// A known secret in each encoding in which software echoes it, pairs of names and values, and what
// looks like these but is not.
#include "base64.h"
#include "json.h"
#include "redact.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ctype.h>
#include <string.h>

#define LEN(array) (sizeof(array) / sizeof(array)[0])
#define R "[redacted]"
#define TEXT_BYTES_MAX 65536
#define SEEN_BYTES 6 // so many characters of an encoded secret in a row are too many

// The last one has + and / in its base64.
static const char *const SECRETS[] = {"key-of-the-bot-71/x+y=", "s3&<\"'>cret %41 with all",
                                      "p\xc3\xa4ss\xf0\x9f\x94\x91wort", "~~~???~~~???key"};
static struct redact_secrets *known;

struct redact_case {
    const char *text;
    const char *redacted; // NULL: as it was
};

static void check(const struct redact_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *wanted = cases[i].redacted ? cases[i].redacted : cases[i].text;
        struct bytes out;
        bytes_init(&out, TEXT_BYTES_MAX);
        redact(view_of_text(cases[i].text), known, &out);
        if (strcmp(bytes_text(&out), wanted) != 0) {
            fail_msg("%s\n  became %s\n  not    %s", cases[i].text, bytes_text(&out), wanted);
        }
        bytes_release(&out);
    }
}

// --- encodings --------------------------------------------------------------------------------

typedef void encoder(struct bytes *out, const char *text);

static bool is_unreserved(char c)
{
    return strchr("-._~", c) || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
           (c >= 'a' && c <= 'z');
}

static void each_byte(struct bytes *out, const char *text,
                      void (*write)(struct bytes *out, unsigned char c), bool is_every)
{
    for (const char *c = text; *c; c++) {
        if (is_every || !is_unreserved(*c)) {
            write(out, (unsigned char)*c);
        } else {
            bytes_append(out, c, 1);
        }
    }
}

static void write_upper(struct bytes *out, unsigned char c)
{
    bytes_printf(out, "%%%02X", c);
}

static void write_lower(struct bytes *out, unsigned char c)
{
    bytes_printf(out, "%%%02x", c);
}

static void write_of_form(struct bytes *out, unsigned char c)
{
    bytes_printf(out, c == ' ' ? "+" : "%%%02X", c);
}

static void percent_upper(struct bytes *out, const char *text)
{
    each_byte(out, text, write_upper, false);
}

static void percent_lower(struct bytes *out, const char *text)
{
    each_byte(out, text, write_lower, false);
}

static void percent_every_byte(struct bytes *out, const char *text)
{
    each_byte(out, text, write_lower, true);
}

static void form_of_a_page(struct bytes *out, const char *text)
{
    each_byte(out, text, write_of_form, false);
}

static int32_t next_code(const char **at)
{
    unsigned char c = (unsigned char)*(*at)++;
    int more = c < 0xc0 ? 0 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
    int32_t code = more ? c & (0x3f >> more) : c;
    for (; more > 0; more--) {
        code = code << 6 | (*(*at)++ & 0x3f);
    }
    return code;
}

static void html_decimal(struct bytes *out, const char *text)
{
    while (*text) {
        bytes_printf(out, "&#%d;", next_code(&text));
    }
}

static void html_hexadecimal(struct bytes *out, const char *text)
{
    while (*text) {
        bytes_printf(out, "&#x%X;", (unsigned)next_code(&text));
    }
}

static void html_leading_zeros(struct bytes *out, const char *text)
{
    while (*text) {
        bytes_printf(out, "&#%06d;", next_code(&text));
    }
}

static void replaced(struct bytes *out, const char *text, const char *const pairs[][2])
{
    for (const char *c = text; *c; c++) {
        size_t i = 0;
        while (pairs[i][0] && pairs[i][0][0] != *c) {
            i++;
        }
        bytes_append(out, pairs[i][0] ? pairs[i][1] : c, pairs[i][0] ? strlen(pairs[i][1]) : 1);
    }
}

static void html_named(struct bytes *out, const char *text)
{
    static const char *const PAIRS[][2] = {{"&", "&amp;"},   {"<", "&lt;"},   {">", "&gt;"},
                                           {"\"", "&quot;"}, {"'", "&#x27;"}, {"/", "&sol;"},
                                           {NULL, NULL}};
    replaced(out, text, PAIRS);
}

static void html_named_then_json(struct bytes *out, const char *text)
{
    static const char *const PAIRS[][2] = {{"&", "\\u0026amp;"}, {"<", "\\u0026lt;"},
                                           {">", "\\u0026gt;"},  {"\"", "\\u0026#34;"},
                                           {"'", "\\u0026#39;"}, {NULL, NULL}};
    replaced(out, text, PAIRS);
}

static void json_lower(struct bytes *out, const char *text)
{
    while (*text) {
        int32_t code = next_code(&text);
        if (code > 0xffff) {
            bytes_printf(out, "\\u%04x", 0xd800 + ((code - 0x10000) >> 10));
            code = 0xdc00 + (code & 0x3ff);
        }
        bytes_printf(out, "\\u%04x", code);
    }
}

static void json_upper_nested(struct bytes *out, const char *text)
{
    struct bytes once;
    bytes_init(&once, TEXT_BYTES_MAX);
    json_lower(&once, text);
    for (const char *c = bytes_text(&once); *c; c++) {
        bytes_printf(out, *c == '\\' ? "\\\\" : "%c", *c == 'u' ? 'u' : toupper(*c));
    }
    bytes_release(&once);
}

static void json_slashes(struct bytes *out, const char *text)
{
    static const char *const PAIRS[][2] = {{"/", "\\/"},     {"\"", "\\\""},   {"<", "\\u003C"},
                                           {">", "\\u003E"}, {"&", "\\u0026"}, {"'", "\\u0027"},
                                           {NULL, NULL}};
    replaced(out, text, PAIRS);
}

static encoder *const ENCODERS[] = {percent_upper,      percent_lower,     percent_every_byte,
                                    form_of_a_page,     html_decimal,      html_hexadecimal,
                                    html_leading_zeros, html_named,        html_named_then_json,
                                    json_lower,         json_upper_nested, json_slashes};

// Around the secret stands `before` and `behind`; only these are left. Texts in JSON stay JSON.
static void check_hidden(const char *before, const char *encoded, const char *behind)
{
    static const char *const AROUND[][2] = {{"", ""}, {"{\"a\":\"", "\"}"}};
    for (size_t i = 0; i < LEN(AROUND); i++) {
        struct bytes text, wanted, out;
        bytes_init(&text, TEXT_BYTES_MAX);
        bytes_init(&wanted, TEXT_BYTES_MAX);
        bytes_init(&out, TEXT_BYTES_MAX);
        bytes_printf(&text, "%s%s%s%s%s", AROUND[i][0], before, encoded, behind, AROUND[i][1]);
        bytes_printf(&wanted, "%s%s" R "%s%s", AROUND[i][0], before, behind, AROUND[i][1]);
        redact(bytes_view(&text), known, &out);
        assert_string_equal(bytes_text(&out), bytes_text(&wanted));
        bytes_release(&text);
        bytes_release(&wanted);
        bytes_release(&out);
    }
}

static void escapes_of_urls_html_and_json(void **state)
{
    (void)state;
    for (size_t i = 0; i < LEN(ENCODERS) * LEN(SECRETS); i++) {
        struct bytes encoded;
        bytes_init(&encoded, TEXT_BYTES_MAX);
        ENCODERS[i % LEN(ENCODERS)](&encoded, SECRETS[i / LEN(ENCODERS)]);
        check_hidden("x ", bytes_text(&encoded), ", y");
        bytes_release(&encoded);
    }
}

// --- base64 -----------------------------------------------------------------------------------

static void encode_base64(struct bytes *out, const char *before, const char *secret,
                          const char *behind)
{
    struct bytes plain;
    bytes_init(&plain, TEXT_BYTES_MAX);
    bytes_printf(&plain, "%s%s%s", before, secret, behind);
    base64_append(out, (const unsigned char *)plain.data, plain.len);
    bytes_release(&plain);
}

static void none(struct bytes *out, const char *text)
{
    bytes_append_text(out, text);
}

static void alphabet_of_urls(struct bytes *out, const char *text)
{
    static const char *const PAIRS[][2] = {{"+", "-"}, {"/", "_"}, {"=", ""}, {NULL, NULL}};
    replaced(out, text, PAIRS);
}

static void json_slashes_and_plus(struct bytes *out, const char *text)
{
    static const char *const PAIRS[][2] = {
        {"/", "\\/"}, {"+", "\\u002b"}, {"=", "\\u003d"}, {NULL, NULL}};
    replaced(out, text, PAIRS);
}

static void wrapped_lines(struct bytes *out, const char *text)
{
    for (size_t i = 0; text[i]; i++) {
        bytes_append_text(out, i > 0 && i % 8 == 0 ? "\\r\\n" : "");
        bytes_append(out, text + i, 1);
    }
}

// Nothing of `shown`, which is the base64 of the secret alone, may be seen in `text` redacted.
static void check_unseen(struct bytes_view text, const char *shown)
{
    struct bytes out;
    bytes_init(&out, TEXT_BYTES_MAX);
    redact(text, known, &out);
    assert_non_null(strstr(bytes_text(&out), R));
    for (size_t i = 0; i + SEEN_BYTES <= strlen(shown); i++) {
        bool is_of_escape = strcspn(shown + i, "\\%&\r") < SEEN_BYTES;
        if (!is_of_escape && memmem(out.data, out.len, shown + i, SEEN_BYTES)) {
            fail_msg("%.*s\n  became %s\n  with %.*s", (int)text.len, text.data, bytes_text(&out),
                     SEEN_BYTES, shown + i);
        }
    }
    bytes_release(&out);
}

static void check_base64(const char *before, const char *secret, const char *behind,
                         encoder *escape)
{
    struct bytes encoded, escaped, text, shown;
    struct bytes *const all[] = {&encoded, &escaped, &text, &shown};
    for (size_t i = 0; i < LEN(all); i++) {
        bytes_init(all[i], TEXT_BYTES_MAX);
    }
    encode_base64(&encoded, before, secret, behind);
    escape(&escaped, bytes_text(&encoded));
    bytes_printf(&text, "{\"a\":\"Basic %s.\"}", bytes_text(&escaped));
    // the groups that hold bytes of the secret only
    size_t begin = (strlen(before) + 2) / 3 * 4;
    size_t end = (strlen(before) + strlen(secret)) / 3 * 4;
    bytes_append(&shown, encoded.data + begin, end - begin);
    check_unseen(bytes_view(&text), bytes_text(&shown));
    bytes_clear(&encoded);
    escape(&encoded, bytes_text(&shown));
    check_unseen(bytes_view(&escaped), bytes_text(&encoded));
    for (size_t i = 0; i < LEN(all); i++) {
        bytes_release(all[i]);
    }
}

static void base64_at_each_alignment(void **state)
{
    (void)state;
    static const char *const AROUND[] = {"", "a", "u:", "abc", "user", "\xff\xfe\xfd\xfc\xfb"};
    static encoder *const ESCAPES[] = {none,          alphabet_of_urls, json_slashes_and_plus,
                                       percent_upper, percent_lower,    html_decimal,
                                       wrapped_lines};
    for (size_t i = 0; i < LEN(SECRETS) * LEN(AROUND) * LEN(AROUND) * LEN(ESCAPES); i++) {
        size_t rest = i / LEN(SECRETS);
        check_base64(AROUND[rest % LEN(AROUND)], SECRETS[i % LEN(SECRETS)],
                     AROUND[rest / LEN(AROUND) % LEN(AROUND)],
                     ESCAPES[rest / LEN(AROUND) / LEN(AROUND)]);
    }
}

static void encoded_secrets_at_a_cut(void **state)
{
    (void)state;
    static const struct redact_case CASES[] = {
        {"{\"a\":\"key%2Dof%2", "{\"a\":\"" R},
        {"{\"a\":\"key%2Dof\\u00", "{\"a\":\"" R},
        {"{\"a\":\"key&#45;of&#4", "{\"a\":\"" R},
        {"{\"a\":\"a2V5LW", "{\"a\":\"" R},
        {"x a2V5LW", "x " R},
        {"{\"a\":\"key%2Dof%zz", NULL},
        {"{\"a\":\"a2V", NULL},
    };
    check(CASES, LEN(CASES));
}

// --- names ------------------------------------------------------------------------------------

static void more_names(void **state)
{
    (void)state;
    static const struct redact_case CASES[] = {
        {"{\"passwd\":\"x\",\"db_pwd\":\"x\",\"passphrase\":\"x\"}",
         "{\"passwd\":\"" R "\",\"db_pwd\":\"" R "\",\"passphrase\":\"" R "\"}"},
        {"{\"jwt\":\"x\",\"idJwt\":\"x\",\"cookie\":\"a=b\",\"set-cookie\":[\"a=b\",\"c=d\"]}",
         "{\"jwt\":\"" R "\",\"idJwt\":\"" R "\",\"cookie\":\"" R "\",\"set-cookie\":[\"" R
         "\",\"" R "\"]}"},
        {"Set-Cookie: sid=1 2; Path=/\r\nHost: y", "Set-Cookie: " R "\r\nHost: y"},
        {"curl -H 'Cookie: a=b; c=d' https://h", "curl -H 'Cookie: " R "' https://h"},
        {"{\"e\":\"Cookie: a=b; c=d\\nHost: y\"}", "{\"e\":\"Cookie: " R "\\nHost: y\"}"},
        {"passwd=x&y=z", "passwd=" R "&y=z"},
        {"{\"cookieless\":\"x\",\"passwds\":\"x\",\"name\":\"x\",\"case\":\"y\"}", NULL},
    };
    check(CASES, LEN(CASES));
}

static void pairs_in_json(void **state)
{
    (void)state;
    static const struct redact_case CASES[] = {
        {"{\"name\":\"token\",\"value\":\"x\"}", "{\"name\":\"token\",\"value\":\"" R "\"}"},
        {"{\"value\":\"x\",\"name\":\"Set-Cookie\"}",
         "{\"value\":\"" R "\",\"name\":\"Set-Cookie\"}"},
        {"{\"key\":\"token\",\"value\":5}", "{\"key\":\"" R "\",\"value\":\"" R "\"}"},
        {"{\"Name\":\"API_KEY\",\"a\":[{}],\"Value\":[\"x\",\"y\"]}",
         "{\"Name\":\"API_KEY\",\"a\":[{}],\"Value\":[\"" R "\",\"" R "\"]}"},
        {"[{\"a\":{}},{\"value\":{\"value\":\"x\",\"name\":\"jwt\"},\"name\":\"b\"}]",
         "[{\"a\":{}},{\"value\":{\"value\":\"" R "\",\"name\":\"jwt\"},\"name\":\"b\"}]"},
        {"[{\"value\":\"y\",\"name\":\"b\"},{\"value\":\"x\",\"name\":\"token\"}]",
         "[{\"value\":\"y\",\"name\":\"b\"},{\"value\":\"" R "\",\"name\":\"token\"}]"},
        {"[1,{\"value\":\"x\",\"na", "[1,{\"value\":\"" R "\",\"na"}, // cut: it may be one
        {"[{\"value\":\"x\"},{\"name\":\"token\"}]", NULL},
        {"{\"name\":\"tokens\",\"value\":\"x\"}", NULL},
        {"{\"name\":5,\"value\":\"x\",\"values\":\"y\"}", NULL},
        {"{\"value\":\"x\"}", NULL},
    };
    check(CASES, LEN(CASES));
}

static void pairs_in_text(void **state)
{
    (void)state;
    static const struct redact_case CASES[] = {
        {"[{'name': 'token', 'value': 'x'}, {'name': 'b', 'value': 'y'}]",
         "[{'name': 'token', 'value': '" R "'}, {'name': 'b', 'value': 'y'}]"},
        {"{\"b\":\"{\\\"name\\\":\\\"token\\\",\\n\\\"value\\\":\\\"x\\\",\\\"c\\\":1}\"}",
         "{\"b\":\"{\\\"name\\\":\\\"token\\\",\\n\\\"value\\\":\\\"" R "\\\",\\\"c\\\":1}\"}"},
        {"- name: DAILY_API_KEY\n  value: x\n", "- name: DAILY_API_KEY\n  value: " R "\n"},
        {"key: token, value: x y", "key: token, value: " R " y"},
        {"name=token value", NULL},
        {"name: the token, and its value", NULL},
        {"name", NULL},
        {"name:", NULL},
        {"name:token,value", NULL},
        {"name:token,value:", NULL},
    };
    check(CASES, LEN(CASES));
}

static void other_text_stays(void **state)
{
    (void)state;
    static const struct redact_case CASES[] = {
        {"100 % of &amp; and %zz &; &#; &#x; &unknown; + \\ %", NULL},
        {"{\"a\":\"%6\",\"b\":\"&#107\",\"c\":\"\\u0026\"}", NULL},
        {"{\"a\":\"a2V5LWlzLW5vdC1pdA==\",\"b\":\"key%20of&#32;\"}", NULL},
    };
    check(CASES, LEN(CASES));
}

static int set_up(void **state)
{
    (void)state;
    known = redact_secrets_new();
    for (size_t i = 0; i < LEN(SECRETS); i++) {
        redact_secrets_add(known, SECRETS[i]);
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    redact_secrets_free(known);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(escapes_of_urls_html_and_json),
        cmocka_unit_test(base64_at_each_alignment),
        cmocka_unit_test(encoded_secrets_at_a_cut),
        cmocka_unit_test(more_names),
        cmocka_unit_test(pairs_in_json),
        cmocka_unit_test(pairs_in_text),
        cmocka_unit_test(other_text_stays),
    };
    return cmocka_run_group_tests_name("redact_forms", tests, set_up, tear_down);
}
