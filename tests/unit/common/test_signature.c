// Is it genuine? The vectors were computed with Python:
//   base64.b64encode(hmac.new(base64.b64decode(SECRET), TIMESTAMP + b"." + BODY,
//                             hashlib.sha256).digest())
#include "signature.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ONE "dW5pdC10ZXN0LXNlY3JldC1udW1iZXItb25lIQ==" // unit-test-secret-number-one!
#define OF_16_BYTES "AAECAwQFBgcICQoLDA0ODw=="         // bytes 0 to 15, the fewest allowed
#define OF_64_BYTES                                    /* bytes 0 to 63, one block of SHA-256 */   \
    "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw=="
#define OF_100_BYTES /* bytes 0 to 99, hashed to become a key */                                   \
    "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+P0BBQkNE" \
    "RUZHSElKS0xNTk9QUVJTVFVWV1hZWltcXV5fYGFiYw=="
#define OF_15_BYTES "AAECAwQFBgcICQoLDA0O"

#define BODY                                                                                       \
    "{\"To\":\"+14152251493\",\"From\":\"+14158483432\",\"callId\":\"c-1\",\"callDomain\":\"d-"    \
    "1\"}"
#define SECONDS "1790000000"
#define MILLISECONDS "1790000000000"
#define SIGNED_IN_SECONDS "UBC5dnLArf6S1meEn2K8QIjZfAJOvBTGbgS1hlUkpXg=" // with ONE
#define SIGNED_IN_MILLISECONDS "CQwLxqu9C+o1cuLviAk2skscKzOmoclswYKV/mlseOw="
#define NOW_MS 1790000000000U

static struct signature_secrets *parsed(const char *list)
{
    struct bytes problem;
    bytes_init(&problem, 512);
    struct signature_secrets *secrets = signature_secrets_parse(list, &problem);
    if (!secrets) {
        fail_msg("%s: %s", list, bytes_text(&problem));
    }
    bytes_release(&problem);
    return secrets;
}

static enum signature_verdict verdict_of(const char *list, struct bytes_view timestamp,
                                         struct bytes_view signature, struct bytes_view body)
{
    struct signature_secrets *secrets = parsed(list);
    enum signature_verdict verdict =
        signature_check(secrets, timestamp, signature, body, NOW_MS, NULL);
    signature_secrets_free(secrets);
    return verdict;
}

static void vectors_are_good_and_made_again(void **state)
{
    (void)state;
    static const struct {
        const char *secret, *timestamp;
        struct bytes_view body;
        const char *signature;
    } CASES[] = {
        {ONE, SECONDS, {BODY, sizeof BODY - 1}, SIGNED_IN_SECONDS},
        {ONE, MILLISECONDS, {BODY, sizeof BODY - 1}, SIGNED_IN_MILLISECONDS},
        {ONE, SECONDS, {NULL, 0}, "wrVifBM4eKSUwQG70cBXaQ1pwE9BF2nZE+3u0qT+wsM="},
        {ONE, SECONDS, {"\0\xff\n", 3}, "uH71v5FASJNpBXxEorWXdHtZCOAprp45C2giXawm0zY="},
        {OF_16_BYTES,
         SECONDS,
         {BODY, sizeof BODY - 1},
         "fo4BhqMd7NMm0xYN5YGy5v+WlK2HSSmlA92F2p2qqHk="},
        {OF_16_BYTES,
         MILLISECONDS,
         {BODY, sizeof BODY - 1},
         "Dvz/J9nLY6Y4sL3YaWd5WYp+I7Rz9pR3CSNnKDA+CTE="},
        {OF_64_BYTES,
         SECONDS,
         {BODY, sizeof BODY - 1},
         "Rhv0QYaqQP7OVRgdmFFR1uLpic2C152MueHg+moIVuQ="},
        {OF_100_BYTES,
         SECONDS,
         {BODY, sizeof BODY - 1},
         "v+Qr/F2LyU2IpPoYI82wJplroonGiKVEtVzKoZ2mQSc="},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        char made[SIGNATURE_TEXT_BYTES + 1];
        struct bytes_view timestamp = view_of_text(CASES[i].timestamp);
        assert_true(signature_sign(CASES[i].secret, timestamp, CASES[i].body, made));
        assert_string_equal(made, CASES[i].signature);
        assert_int_equal(verdict_of(CASES[i].secret, timestamp, view_of_text(made), CASES[i].body),
                         SIGNATURE_GOOD);
    }
}

static void only_the_canonical_signature_is_good(void **state)
{
    (void)state;
    static const struct bytes_view CASES[] = {
        {NULL, 0},
        {SIGNED_IN_MILLISECONDS, 44},                         // of another timestamp
        {"UBC5dnLArf6S1meEn2K8QIjZfAJOvBTGbgS1hlUkpXg", 43},  // truncated
        {"UBC5dnLArf6S1meEn2K8QIjZfAJOvBTGbgS1hlUkpX==", 44}, // a byte less
        {"UBC5dnLArf6S1meEn2K8QIjZfAJOvBTGbgS1hlUkpXh=", 44}, // the same bytes, bits behind them
        {"UBC5dnLArf6S1meEn2K8QIjZfAJOvBTGbgS1hlUkpXi=", 44},
        {"UBC5dnLArf6S1meEn2K8QIjZfAJOvBTGbgS1hlUkpXgA", 44}, // 33 bytes
        {"UBC5dnLArf6S1meEn2K8QIjZfAJOvBTGbgS1hlUkpXg=\n", 45},
        {" UBC5dnLArf6S1meEn2K8QIjZfAJOvBTGbgS1hlUkpXg=", 45},
        {"UBC5dnLArf6S1meEn2K8QIjZfAJOvBTGbgS1hlUkpXg==", 45},
        {"UBC5dnLArf6S1meEn2K8QIjZfAJOvBTGbgS1hlUkpX\0=", 44},
        {"UBC5dnLArf6S1meEn2K8QIjZfAJOvBTGbgS1hlU=pXg=", 44},
        {"UBC5dnLArf6S1meEn2K8QIjZfAJOvBTGbgS1hlUkp-g=", 44}, // not in the alphabet
        {"ubc5dnLArf6S1meEn2K8QIjZfAJOvBTGbgS1hlUkpXg=", 44},
        {"============================================", 44},
        {"5010b97672c0adfe92d667849f62bc4088d97c024ebc14c66e04b5865524a578", 64}, // hex
        {SIGNED_IN_SECONDS "," SIGNED_IN_SECONDS, 89},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        if (verdict_of(ONE, VIEW(SECONDS), CASES[i], VIEW(BODY)) != SIGNATURE_WRONG) {
            fail_msg("%.*s", (int)CASES[i].len, CASES[i].data);
        }
    }
    assert_int_equal(verdict_of(ONE, VIEW(SECONDS), VIEW(SIGNED_IN_SECONDS), VIEW(BODY)),
                     SIGNATURE_GOOD);
}

static void each_bit_of_signature_and_body_counts(void **state)
{
    (void)state;
    char signature[] = SIGNED_IN_SECONDS;
    char body[] = BODY;
    struct signature_secrets *secrets = parsed(ONE);
    for (size_t i = 0; i < SIGNATURE_TEXT_BYTES * 8; i++) {
        signature[i / 8] = (char)(signature[i / 8] ^ (1 << i % 8));
        assert_int_equal(signature_check(secrets, VIEW(SECONDS), view_of_text(signature),
                                         VIEW(BODY), NOW_MS, NULL),
                         SIGNATURE_WRONG);
        signature[i / 8] = (char)(signature[i / 8] ^ (1 << i % 8));
    }
    for (size_t i = 0; i < (sizeof body - 1) * 8; i++) {
        body[i / 8] = (char)(body[i / 8] ^ (1 << i % 8));
        assert_int_equal(signature_check(secrets, VIEW(SECONDS), VIEW(SIGNED_IN_SECONDS),
                                         (struct bytes_view){body, sizeof body - 1}, NOW_MS, NULL),
                         SIGNATURE_WRONG);
        body[i / 8] = (char)(body[i / 8] ^ (1 << i % 8));
    }
    signature_secrets_free(secrets);
}

// Each is signed correctly as it stands: only the timestamp's form or age is in question.
static void timestamps_are_digits_in_seconds_or_milliseconds(void **state)
{
    (void)state;
    static const struct {
        const char *timestamp;
        enum signature_verdict verdict;
    } CASES[] = {
        {"1790000000", SIGNATURE_GOOD},
        {"1790000000000", SIGNATURE_GOOD},
        {"1789999700", SIGNATURE_GOOD},
        {"1789999699", SIGNATURE_STALE},
        {"1790000300", SIGNATURE_GOOD},
        {"1790000301", SIGNATURE_STALE},
        {"1789999700000", SIGNATURE_GOOD},
        {"1789999699999", SIGNATURE_STALE},
        {"1790000300000", SIGNATURE_GOOD},
        {"1790000300001", SIGNATURE_STALE},
        {"0", SIGNATURE_STALE},
        {"1", SIGNATURE_STALE},
        {"99999999999", SIGNATURE_STALE},
        {"100000000000", SIGNATURE_STALE},
        {"9999999999999999", SIGNATURE_STALE},
        {"0000001790000000", SIGNATURE_GOOD},
        {"", SIGNATURE_WRONG},
        {"abc", SIGNATURE_WRONG},
        {"-1790000000", SIGNATURE_WRONG},
        {"+1790000000", SIGNATURE_WRONG},
        {" 1790000000", SIGNATURE_WRONG},
        {"1790000000 ", SIGNATURE_WRONG},
        {"1790000000\n", SIGNATURE_WRONG},
        {"1790000000.0", SIGNATURE_WRONG},
        {"1.79e9", SIGNATURE_WRONG},
        {"0x6ab13b80", SIGNATURE_WRONG},
        {"1790000000,1790000000", SIGNATURE_WRONG},
        {"00000001790000000", SIGNATURE_WRONG}, // 17 digits
        {"17900000000000000", SIGNATURE_WRONG},
        {"18446744073709551615", SIGNATURE_WRONG},
        {"36893488149209551616", SIGNATURE_WRONG},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        char made[SIGNATURE_TEXT_BYTES + 1];
        struct bytes_view timestamp = view_of_text(CASES[i].timestamp);
        assert_true(signature_sign(ONE, timestamp, VIEW(BODY), made));
        if (verdict_of(ONE, timestamp, view_of_text(made), VIEW(BODY)) != CASES[i].verdict) {
            fail_msg("'%s'", CASES[i].timestamp);
        }
    }
    assert_int_equal(verdict_of(ONE, (struct bytes_view){"1790000000\0", 11},
                                VIEW(SIGNED_IN_SECONDS), VIEW(BODY)),
                     SIGNATURE_WRONG);
}

// A wrong signature is wrong however old it is: "stale" would tell a guesser that it was right.
static void freshness_comes_last(void **state)
{
    (void)state;
    assert_int_equal(verdict_of(ONE, VIEW("1"), VIEW(SIGNED_IN_SECONDS), VIEW(BODY)),
                     SIGNATURE_WRONG);
}

static void lists_of_secrets_are_taken_or_refused(void **state)
{
    (void)state;
    static const struct {
        const char *list;
        const char *problem; // a part of the sentence; NULL: it is good
    } CASES[] = {
        {ONE, NULL},
        {ONE "," OF_16_BYTES, NULL},
        {" " ONE " , " OF_16_BYTES " ", NULL},
        {"+14152251493=" ONE, NULL},
        {"14152251493=" ONE ",+1=" ONE ",+1=" OF_16_BYTES "," ONE, NULL},
        {"12345678901234567890=" ONE, NULL}, // 20 digits
        {"00000000000000000000001=" ONE, "secret 1 of the list is not base64"},
        {"12345678901234567890120=", NULL}, // no number: base64 of digits
        {"1234567890123456780=", "secret 1 of the list is shorter than 16 bytes"},
        {"+14152251493=", "secret 1 of the list is not"},  // nothing behind the "="
        {"+14152251493==", "secret 1 of the list is not"}, // only a further "="
        {"+=" ONE, "secret 1 of the list is not"},
        {"=" ONE, "secret 1 of the list is not"},
        {"+1a=" ONE, "secret 1 of the list is not"},
        {"", "element 1 of the list is empty"},
        {",", "element 1 of the list is empty"},
        {ONE ",", "element 2 of the list is empty"},
        {ONE ",," ONE, "element 2 of the list is empty"},
        {ONE ", ," ONE, "element 2 of the list is empty"},
        {ONE "," OF_15_BYTES, "secret 2 of the list is shorter than 16 bytes"},
        {"+1=" OF_15_BYTES, "secret 1 of the list is shorter than 16 bytes"},
        {"not-a-secret", "secret 1 of the list is not base64"},
        {"whsec_" ONE, "secret 1 of the list begins with whsec_"},
        {ONE ",\"" ONE "\"", "secret 2 of the list stands in quotes"},
        {"sip:0123--17@daily.example.com=" ONE, NULL},
        {"sip:=" ONE, "secret 1 of the list is not"},
        {"AAECAwQFBgcICQoLDA0ODw=", "not base64"},
        {"AAECAwQFBgcICQoLDA0ODw", "not base64"},
        {"AAECAwQFBgcICQoLDA0OD===", "not base64"},
        {"AAECAwQFBgcICQoLDA0ODx==", "not base64"}, // bits behind the last byte
        {"AAECAwQFBgcI CQoLDA0ODw==", "not base64"},
        {ONE "\n", "not base64"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct bytes problem;
        bytes_init(&problem, 512);
        struct signature_secrets *secrets = signature_secrets_parse(CASES[i].list, &problem);
        const char *said = bytes_text(&problem);
        if (!secrets != !!CASES[i].problem || !strstr(said, CASES[i].problem ?: "") ||
            (!CASES[i].problem && said[0]) || strstr(said, "AAEC") || strstr(said, "dW5p")) {
            fail_msg("%s: '%s'", CASES[i].list, said);
        }
        signature_secrets_free(secrets);
        bytes_release(&problem);
    }
}

static void a_secret_is_refused_even_where_its_sentence_does_not_fit(void **state)
{
    (void)state;
    struct bytes problem;
    bytes_init(&problem, 3);
    assert_null(signature_secrets_parse("x", &problem));
    assert_null(signature_secrets_parse(OF_15_BYTES, &problem));
    bytes_release(&problem);
}

static void the_list_of_secrets_is_bounded(void **state)
{
    (void)state;
    struct bytes list, problem;
    bytes_init(&list, 65536);
    bytes_init(&problem, 512);
    for (size_t i = 0; i < SIGNATURE_SECRETS_MAX; i++) {
        bytes_printf(&list, "%s+%zu=" OF_16_BYTES, i > 0 ? "," : "", 1000 + i);
    }
    struct signature_secrets *secrets = parsed(bytes_text(&list));
    struct signature_match match;
    char made[SIGNATURE_TEXT_BYTES + 1];
    const struct bytes_view body = VIEW("{\"From\":\"+1500\",\"To\":\"+2023\"}");
    assert_true(signature_sign(OF_16_BYTES, VIEW(SECONDS), body, made));
    assert_int_equal(
        signature_check(secrets, VIEW(SECONDS), view_of_text(made), body, NOW_MS, &match),
        SIGNATURE_GOOD);
    assert_int_equal(match.count, SIGNATURE_TRIES_MAX);
    assert_true(signature_allows(secrets, &match, "+2023"));
    assert_true(signature_allows(secrets, &match, "1500"));
    assert_false(signature_allows(secrets, &match, "+1501")); // it does not occur
    assert_false(signature_allows(secrets, &match, "+2024"));
    signature_secrets_free(secrets);
    bytes_append_text(&list, "," OF_16_BYTES);
    assert_null(signature_secrets_parse(bytes_text(&list), &problem));
    assert_non_null(strstr(bytes_text(&problem), "more than 1024 secrets"));
    bytes_release(&list);
    bytes_release(&problem);
}

static void a_secret_of_one_number_speaks_for_no_other(void **state)
{
    (void)state;
    static const struct {
        const char *list, *signed_with, *to;
        bool is_good, is_allowed;
    } CASES[] = {
        {ONE, ONE, "+1", true, true},
        {ONE, ONE, NULL, true, true},
        {ONE, OF_16_BYTES, "+1", false, false},
        {ONE "," OF_16_BYTES, OF_16_BYTES, "+1", true, true},
        {"+1=" ONE, ONE, "+1", true, true},
        {"+1=" ONE, ONE, "+2", true, false},
        {"+1=" ONE, ONE, "1", true, true},
        {"14152251493=" ONE, ONE, "+14152251493", true, true},
        {"+1 (415) 225-1493=" ONE, ONE, "0014152251493", true, true},
        {"+1=" ONE, ONE, "sip:+1@example.org", true, true},
        {"sip:1@example.org=" ONE, ONE, "SIP:1@Example.org", true, true},
        {"sip:1@example.org=" ONE, ONE, "sip:1@example.com", true, false},
        {"sip:1@example.org=" ONE, ONE, "+1", true, false},
        {"sip:anna@example.org=" ONE, ONE, "\"Anna\" <sip:anna@example.org;x=1>", true, true},
        {"sip:0123--17@daily.example=" ONE, ONE, "+012317", true, false},
        {"+1=" ONE, ONE, "+12", true, false},
        {"+1=" ONE, ONE, "", true, false},
        {"+1=" ONE, ONE, NULL, true, false},
        {"+1=" ONE ",+2=" OF_16_BYTES, OF_16_BYTES, "+1", true, false},
        {"+1=" ONE ",+2=" OF_16_BYTES, OF_16_BYTES, "+2", true, true},
        {"+1=" ONE ",+2=" ONE, ONE, "+1", true, true},
        {"+1=" ONE ",+2=" ONE, ONE, "+2", true, true},
        {"+1=" ONE ",+1=" OF_16_BYTES, OF_16_BYTES, "+1", true, true}, // while it is replaced
        {"+1=" ONE "," ONE, ONE, "+2", true, true},
        {"+1=" ONE "," OF_16_BYTES, ONE, "+2", true, false},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct signature_match match;
        char made[SIGNATURE_TEXT_BYTES + 1];
        struct signature_secrets *secrets = parsed(CASES[i].list);
        assert_true(signature_sign(CASES[i].signed_with, VIEW(SECONDS), VIEW(BODY), made));
        bool is_good = signature_check(secrets, VIEW(SECONDS), view_of_text(made), VIEW(BODY),
                                       NOW_MS, &match) == SIGNATURE_GOOD;
        if (is_good != CASES[i].is_good ||
            signature_allows(secrets, &match, CASES[i].to) != CASES[i].is_allowed) {
            fail_msg("case %zu: %s to %s", i, CASES[i].list, CASES[i].to ?: "nobody");
        }
        signature_secrets_free(secrets);
    }
}

static void a_match_of_before_is_forgotten(void **state)
{
    (void)state;
    struct signature_match match = {.any_number = true, .count = 1};
    struct signature_secrets *secrets = parsed(ONE);
    assert_int_equal(signature_check(secrets, VIEW(SECONDS), VIEW(""), VIEW(BODY), NOW_MS, &match),
                     SIGNATURE_WRONG);
    assert_false(signature_allows(secrets, &match, "+1"));
    signature_secrets_free(secrets);
}

static void a_secret_is_found_in_its_list(void **state)
{
    (void)state;
    struct signature_secrets *secrets = parsed("+1=" SIGNATURE_DEMONSTRATION_SECRET "," ONE);
    assert_true(signature_secrets_have(secrets, SIGNATURE_DEMONSTRATION_SECRET));
    assert_true(signature_secrets_have(secrets, ONE));
    assert_false(signature_secrets_have(secrets, OF_16_BYTES));
    assert_false(signature_secrets_have(secrets, ""));
    signature_secrets_free(secrets);
}

static void what_is_no_base64_cannot_sign(void **state)
{
    (void)state;
    char made[SIGNATURE_TEXT_BYTES + 1];
    assert_false(signature_sign("", VIEW(SECONDS), VIEW(BODY), made));
    assert_false(signature_sign("no secret", VIEW(SECONDS), VIEW(BODY), made));
    assert_false(signature_sign("AAECAwQFBgcICQoLDA0ODx==", VIEW(SECONDS), VIEW(BODY), made));
}

static void digests_are_hex(void **state)
{
    (void)state;
    char hex[SIGNATURE_SHA256_HEX];
    signature_sha256((struct bytes_view){NULL, 0}, hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    signature_sha256(VIEW("abc"), hex); // FIPS 180-2, appendix B.1
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void secrets_compare(void **state)
{
    (void)state;
    assert_true(signature_same_secret(VIEW("key-1"), VIEW("key-1")));
    assert_false(signature_same_secret(VIEW("key-1"), VIEW("key-2")));
    assert_false(signature_same_secret(VIEW("key-1"), VIEW("key-")));
    assert_false(signature_same_secret(VIEW("key-1"), VIEW("")));
    assert_false(signature_same_secret(VIEW(""), VIEW(""))); // no secret is nobody's secret
}

static void names_are_for_people(void **state)
{
    (void)state;
    static const struct {
        const char *list;
        const char *problem; // NULL: it is good
    } CASES[] = {
        {ONE, NULL},
        {"support=" ONE ", s_a-l.es=" OF_16_BYTES, NULL},
        {"+14155550100=" ONE, "not named"},
        {"a b=" ONE, "not named"},
        {"support=" ONE ",", "empty"},
        {"support=x", "not base64"},
        {"support=" OF_15_BYTES, "shorter"},
        {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa=" ONE, "64"},
        {"a=" ONE ",a=" ONE ",a=" ONE ",a=" ONE ",a=" ONE ",a=" ONE ",a=" ONE ",a=" ONE ",a=" ONE
         ",a=" ONE ",a=" ONE ",a=" ONE ",a=" ONE ",a=" ONE ",a=" ONE ",a=" ONE ",a=" ONE,
         "more than 16"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct bytes problem;
        bytes_init(&problem, 512);
        struct signature_secrets *secrets = signature_secrets_parse_named(CASES[i].list, &problem);
        if (!secrets != (CASES[i].problem != NULL) ||
            (CASES[i].problem && !strstr(bytes_text(&problem), CASES[i].problem))) {
            fail_msg("%s: %s", CASES[i].list, bytes_text(&problem));
        }
        signature_secrets_free(secrets);
        bytes_release(&problem);
    }
}

static void a_named_secret_signs_for_all(void **state)
{
    (void)state;
    struct signature_match match;
    struct bytes problem;
    char name[SIGNATURE_NAME_BYTES];
    bytes_init(&problem, 512);
    struct signature_secrets *secrets =
        signature_secrets_parse_named(OF_16_BYTES ",support=" ONE, &problem);
    assert_int_equal(signature_check(secrets, VIEW(MILLISECONDS), VIEW(SIGNED_IN_MILLISECONDS),
                                     VIEW(BODY), NOW_MS, &match),
                     SIGNATURE_GOOD);
    assert_true(match.any_number);
    signature_name(secrets, &match, name);
    assert_string_equal(name, "2 of the list (support)");
    signature_secrets_free(secrets);
    bytes_release(&problem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_are_good_and_made_again),
        cmocka_unit_test(only_the_canonical_signature_is_good),
        cmocka_unit_test(each_bit_of_signature_and_body_counts),
        cmocka_unit_test(timestamps_are_digits_in_seconds_or_milliseconds),
        cmocka_unit_test(freshness_comes_last),
        cmocka_unit_test(lists_of_secrets_are_taken_or_refused),
        cmocka_unit_test(a_secret_is_refused_even_where_its_sentence_does_not_fit),
        cmocka_unit_test(the_list_of_secrets_is_bounded),
        cmocka_unit_test(a_secret_of_one_number_speaks_for_no_other),
        cmocka_unit_test(a_match_of_before_is_forgotten),
        cmocka_unit_test(a_secret_is_found_in_its_list),
        cmocka_unit_test(what_is_no_base64_cannot_sign),
        cmocka_unit_test(digests_are_hex),
        cmocka_unit_test(secrets_compare),
        cmocka_unit_test(names_are_for_people),
        cmocka_unit_test(a_named_secret_signs_for_all),
    };
    return cmocka_run_group_tests_name("signature", tests, NULL, NULL);
}
