// The forms of a secret: one of the known values, in whatever form JSON gives it, or a name
// that is followed by a secret. Pure; for redact.c.
#ifndef DIALIN_SECRET_H
#define DIALIN_SECRET_H

#include "redact.h"

#define SECRET_BYTES_MIN 4 // shorter values are no secrets, and would stand in every text

// The known secrets, made ready for looking at each place of a text. Borrowed as redact_secrets.
struct secret_values {
    struct bytes_view values[REDACT_SECRETS_MAX];
    size_t count;
    bool may_begin[256]; // by the first byte of a place
};

void secret_values_init(struct secret_values *values, const struct redact_secrets *secrets);

// The text that is searched. If it is the inside of a JSON string, a match never ends within an
// escape sequence. If it was cut, the first bytes of a secret at its very end count as a match.
struct secret_text {
    const char *end;
    bool is_json_string;
    bool is_cut;
};

// The length of the known secret at `at`, the longest if there are several; 0 if there is none.
size_t secret_match(const struct secret_values *values, const struct secret_text *text,
                    const char *at);

// Does this name stand before a secret? Escapes of JSON are resolved.
bool secret_is_name(struct bytes_view name);

// The length of the character or escape sequence at `at`, which is before `end`.
size_t secret_unit_len(const char *at, const char *end);

#endif
