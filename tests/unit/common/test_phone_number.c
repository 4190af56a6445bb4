// Numbers in all their spellings: CONTRACT, section 4, "Matching", and issue of numbers that must
// be found however they were written.
#include "phone_number.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#define LEN(array) (sizeof(array) / sizeof(array)[0])

static void spellings_are_reduced(void **state)
{
    (void)state;
    static const struct {
        const char *text, *digits, *address;
        bool is_one;
    } CASES[] = {
        {"+14152251493", "14152251493", "", true},
        {"14152251493", "14152251493", "", true},
        {"0014152251493", "14152251493", "", true},
        {"+1 (415) 225-1493", "14152251493", "", true},
        {" +1.415.225.1493 ", "14152251493", "", true},
        {"tel:+1-415-225-1493", "14152251493", "", true},
        {"TEL:+14152251493;ext=7", "14152251493", "", true},
        {"%2B14152251493", "14152251493", "", true},
        {"%2b1%20415%20225%201493", "14152251493", "", true},
        {"+49 (0) 30 / 12345678", "493012345678", "", true},
        {"0049 30 12345678", "493012345678", "", true},
        {"+49\xc2\xa0"
         "30\xe2\x80\x93"
         "12345678",
         "493012345678", "", true},
        {"\xe2\x80\xaa+493012345678\xe2\x80\xac", "493012345678", "", true},
        {"(415) 225-1493", "4152251493", "", true},
        {"7", "7", "", true},
        {"sip:+14152251493@example.org", "14152251493", "+14152251493@example.org", true},
        {"sips:14152251493@example.org:5061;user=phone", "14152251493", "14152251493@example.org",
         true},
        {"sip:%2B14152251493@example.org", "14152251493", "+14152251493@example.org", true},
        {"\"+49 30 12345678\" <sip:493012345678--tenant@trunk.example>", "",
         "493012345678--tenant@trunk.example", true},
        {"Ann <sip:+14152251493@example.org>", "14152251493", "+14152251493@example.org", true},
        {"\"a<b\" <tel:+14152251493>", "14152251493", "", true},
        {"<+14152251493>", "14152251493", "", true},
        {"sip:Anna@SIP.Example.ORG", "", "anna@sip.example.org", true},
        {"anna@sip.example.org", "", "anna@sip.example.org", true},
        {"sip:anna:secret@sip.example.org;transport=tcp?x=1", "", "anna@sip.example.org", true},
        {"sip:bot@[2001:db8::7]:5060", "", "bot@[2001:db8::7]", true},
        {"sip:0123--17@daily.example", "", "0123--17@daily.example", true},
        {"sip:0123456789abcdef--1700000000000@d.example", "",
         "0123456789abcdef--1700000000000@d.example", true},
        {"anonymous", "", "anonymous", false},
        {"Restricted", "", "restricted", false},
        {"Private Number", "", "private number", false},
        {"+266696687", "", "+266696687", false},
        {"sip:anonymous@anonymous.invalid", "", "sip:anonymous@anonymous.invalid", false},
        {"\"Anonymous\" <sip:anonymous@anonymous.invalid>", "", "sip:anonymous@anonymous.invalid",
         false},
        {"123456789012345678901", "", "123456789012345678901", false}, // 21 digits
        {"+1415CALLME", "", "+1415callme", false},
        {"sip:@example.org", "", "sip:@example.org", false},
        {"sip:anna@", "", "sip:anna@", false},
        {"+", "", "+", false},
        {"*", "", "*", false},
        {" ", "", "", false},
        {"", "", "", false},
    };
    for (size_t i = 0; i < LEN(CASES); i++) {
        struct phone_number number;
        bool is_one = phone_number_read(&number, view_of_text(CASES[i].text));
        if (is_one != CASES[i].is_one || strcmp(number.digits, CASES[i].digits) != 0 ||
            strcmp(number.address, CASES[i].address) != 0) {
            fail_msg("%s: '%s', '%s'", CASES[i].text, number.digits, number.address);
        }
    }
}

static void patterns_match_any_spelling(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *text;
        bool matches;
    } CASES[] = {
        {"+1 415 225 1493", "0014152251493", true},
        {"14152251493", "sip:+14152251493@example.org", true},
        {"+14152251493", "+14152251494", false},
        {"+14152251493", "+1415225149", false},
        {"+1415*", "+14152251493", true},
        {"001415*", "tel:+1-415-225-1493", true},
        {"+1*", "14152251493", true},
        {"+1*", "+4930123456", false},
        {"*", "anything", true},
        {"*", "", true},
        {"sip:anna@*", "\"Anna\" <sip:Anna@example.org>", true},
        {"sip:ann*", "sip:anna@example.org", true},
        {"sip:anna@example.org", "SIP:ANNA@EXAMPLE.ORG;x=1", true},
        {"sip:anna@example.org", "sip:anna@example.com", false},
        {"sip:14152251493@a.example", "+14152251493", true},
        {"anonymous", "Anonymous", true},
        {"anonymous", "restricted", false},
        {"anon*", "anonymous", true},
        {"", "", false},
    };
    for (size_t i = 0; i < LEN(CASES); i++) {
        struct phone_pattern pattern;
        phone_pattern_read(&pattern, view_of_text(CASES[i].pattern));
        if (phone_pattern_matches(&pattern, view_of_text(CASES[i].text)) != CASES[i].matches) {
            fail_msg("%s: %s", CASES[i].pattern, CASES[i].text);
        }
    }
}

static void numbers_are_found_in_texts(void **state)
{
    (void)state;
    static const struct {
        const char *number, *text;
        bool occurs;
    } CASES[] = {
        {"+14155550777", "{\"phoneNumber\":\"+14155550777\"}", true},
        {"+14155550777", "{\"phone_number\":\"+1 (415) 555-0777\"}", true},
        {"+14155550777", "{\"sip_uri\":\"sip:14155550777@x\"}", true},
        {"+14155550777", "<sip:%2B14155550777@x>", true},
        {"+14155550777", "call 0014155550777 now", true},
        {"+14155550777", "1 14155550777", true},
        {"+14155550777", "+141555507779", false},
        {"+14155550777", "914155550777", false},
        {"+493012345678", "+49 (0)30 12345678", true},
        {"sip:anna@x.example", "{\"a\":\"<sip:ANNA@x.example>\"}", true},
        {"sip:anna@x.example", "sip:anna@y.example", false},
        {"+14155550777", "", false},
    };
    for (size_t i = 0; i < LEN(CASES); i++) {
        struct phone_number number;
        assert_true(phone_number_read(&number, view_of_text(CASES[i].number)));
        if (phone_number_occurs(&number, view_of_text(CASES[i].text)) != CASES[i].occurs) {
            fail_msg("%s in %s", CASES[i].number, CASES[i].text);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spellings_are_reduced),
        cmocka_unit_test(patterns_match_any_spelling),
        cmocka_unit_test(numbers_are_found_in_texts),
    };
    return cmocka_run_group_tests_name("phone_number", tests, NULL, NULL);
}
