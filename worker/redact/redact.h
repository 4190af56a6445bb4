// Replaces secrets with `[redacted]` before a text is recorded. Pure.
#ifndef DIALIN_REDACT_H
#define DIALIN_REDACT_H

#include "bytes.h"

#define REDACT_SECRETS_MAX 64

// Values that must not appear anywhere, whatever surrounds them (also as JSON-escaped text).
// Borrowed; NULL and texts shorter than 4 bytes are skipped.
struct redact_secrets {
    const char *values[REDACT_SECRETS_MAX];
    size_t count;
};

// Appends `text` to `out` with each known secret replaced, and also, whether `text` is whole JSON,
// cut JSON or no JSON at all, the value after each key that names a secret (ends in token, key,
// secret, password or authorization, in any case: dailyToken, daily_api_key, Authorization, …),
// bearer credentials, and JSON Web Tokens. JSON stays valid JSON. Cut at the maximum of `out`.
void redact(struct bytes_view text, const struct redact_secrets *secrets, struct bytes *out);

#endif
