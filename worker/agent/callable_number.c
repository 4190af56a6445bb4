// See callable_number.h.
#include "callable_number.h"

#include <stdio.h>
#include <string.h>

void callable_number(const char *text, char digits[PHONE_DIGITS_MAX + 1])
{
    struct phone_number number;
    phone_number_read(&number, view_of_text(text));
    size_t len = strlen(number.digits);
    bool is_whole = !number.is_address || number.address[0] == '+';
    bool is_callable = is_whole && len >= CALLABLE_DIGITS_MIN && len <= CALLABLE_DIGITS_MAX &&
                       number.digits[0] != '0';
    snprintf(digits, PHONE_DIGITS_MAX + 1, "%s", is_callable ? number.digits : "");
}

// The first of its members that holds a number: some programs send both spellings.
static void number_of_party(const cJSON *party, char digits[PHONE_DIGITS_MAX + 1])
{
    static const char *const NAMES[] = {"phoneNumber", "phone_number", "sipUri", "sip_uri"};
    digits[0] = '\0';
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0] && !digits[0]; i++) {
        callable_number(json_text(party, NAMES[i]), digits);
    }
}

void callable_numbers_of_dialout(const cJSON *settings, struct bytes *out)
{
    char digits[PHONE_DIGITS_MAX + 1];
    size_t count = 0;
    const cJSON *party = cJSON_IsArray(settings) ? settings->child : settings;
    for (; party && count < CALLABLE_NUMBERS_MAX; party = party->next) {
        number_of_party(party, digits);
        if (digits[0]) {
            count++;
            bytes_printf(out, "%s%s", out->len > 0 ? " " : "", digits);
        }
        if (party == settings) {
            break;
        }
    }
}
