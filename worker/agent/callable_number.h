// Telephone numbers that can be called from anywhere, and those that a dial-out calls. Pure.
#ifndef DIALIN_CALLABLE_NUMBER_H
#define DIALIN_CALLABLE_NUMBER_H

#include "json.h"
#include "phone_number.h"

#define CALLABLE_DIGITS_MIN 7   // shorter ones are extensions, or services
#define CALLABLE_DIGITS_MAX 15  // E.164
#define CALLABLE_NUMBERS_MAX 64 // of one dial-out; further ones are left out

// The number of `text` as digits without +; empty if it is withheld, an extension, a national
// number, or an address that is not such a number. `text` may be NULL.
void callable_number(const char *text, char digits[PHONE_DIGITS_MAX + 1]);

// Appends the numbers of a webhook's `dialout_settings` (an object or a list of them; NULL: none),
// as digits with a space between. A buffer of CALLABLE_NUMBERS_MAX * (PHONE_DIGITS_MAX + 1) bytes
// holds them all.
void callable_numbers_of_dialout(const cJSON *settings, struct bytes *out);

#endif
