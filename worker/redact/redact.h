// Replaces secrets with `[redacted]` before a text is recorded. Pure.
//
// Found by value: a known secret anywhere, as it is or with any of its characters written as JSON,
// URLs or HTML escape them (\u0041, \x41, \/, %2F, %2f, +, &#47;, &#x2F;, &sol;), one kind on top
// of JSON's; and its base64 at each of the three alignments, in the standard alphabet or that of
// URLs, over several lines, and escaped as above. Of base64 up to 4 bits of the secret's first
// character may stay.
//
// Found by name, whether the text is whole JSON, cut JSON or no JSON at all: the value after a key
// that ends in token, key, secret, password, passwd, pwd, passphrase, authorization, jwt, cookie or
// cookies, in any case (dailyToken, daily_api_key, Set-Cookie, …); of {"name":"token","value":…}
// and
// {"key":"token","value":…} the value, in any order in JSON, in this order elsewhere; bearer
// credentials; JSON Web Tokens.
//
// Not found: a hash of a secret, or its compressed or encrypted form; hexadecimal,
// quoted-printable, UTF-16 and base32; a secret in parts, with other characters between them, or
// changed in case; one that is encoded twice (base64 of base64, %252F, base64 of an escaped form);
// base64 in another alphabet; an unknown secret whose name is itself encoded (token%3D…) or is none
// of the above.
#ifndef DIALIN_REDACT_H
#define DIALIN_REDACT_H

#include "bytes.h"

// Values that must not appear anywhere. The forms to search for are computed as they are added.
struct redact_secrets;

struct redact_secrets *redact_secrets_new(void);
void redact_secrets_free(struct redact_secrets *secrets); // NULL is allowed

// Copies `value`; NULL, texts shorter than 4 bytes and known values are skipped. Each secret costs
// a few hundred bytes, and a little time for each byte of a text.
void redact_secrets_add(struct redact_secrets *secrets, const char *value);

// Appends `text` to `out` with each secret replaced. JSON stays valid JSON. Takes time linear in
// the length of `text`. Cut at the maximum of `out`.
void redact(struct bytes_view text, const struct redact_secrets *secrets, struct bytes *out);

#endif
