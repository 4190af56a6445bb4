// The forms in which software writes one character of a secret: as it is, or escaped for JSON, for
// a URL or for HTML. Pure; for secret.c.
#ifndef DIALIN_SECRET_FORM_H
#define DIALIN_SECRET_FORM_H

#include "bytes.h"

#include <stdint.h>

// How many bytes of the value one form in the text stands for. Both are 0 if the form does not
// fit.
struct secret_form {
    size_t value_len, text_len;
};

// The form at `at`, which is before `end`, if it stands for the first character of `value`: as it
// is or with escapes of JSON (\u0041, \x41, \/, \n), after one or several backslashes.
struct secret_form secret_form_json(struct bytes_view value, const char *at, const char *end);

// The same, and %41, + for a blank, &#65; &#x41; and &amp;, whose characters may be escaped for
// JSON in turn.
struct secret_form secret_form_web(struct bytes_view value, const char *at, const char *end);

#define SECRET_FIRST_BYTES_MAX 4

// Every byte in which a value may begin that has a form at `at`; returns how many.
size_t secret_form_first_bytes(const char *at, const char *end,
                               unsigned char out[SECRET_FIRST_BYTES_MAX]);

// Returns whether nothing is left of a text, or only the beginning of a form.
bool secret_form_is_cut(const char *at, const char *end);

// The length of the character or escape sequence of JSON at `at`, which is before `end`.
size_t secret_unit_len(const char *at, const char *end);

// The code of `u` and four hexadecimal digits at `at`; -1 if they are not there.
int32_t secret_unicode_escape(const char *at, const char *end);

#endif
