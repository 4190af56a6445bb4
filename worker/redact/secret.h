// Known secrets, made ready for a search at each place of a text. Pure; for redact.c.
#ifndef DIALIN_SECRET_H
#define DIALIN_SECRET_H

#include "redact.h"

#define SECRET_BYTES_MIN 4 // shorter values would be found in every text

// What is looked for: a secret itself, or what stays the same of its base64, whatever surrounds it
// there.
struct secret_needle {
    char *text; // owned
    size_t len;
    bool is_base64;
    bool is_open; // the character after it holds bits of the secret too
    size_t next;  // of those with the same first byte, as in `first`
};

struct redact_secrets {
    struct secret_needle *needles;
    size_t count;
    size_t first[256];   // by the first byte of a needle: 1 + its place in `needles`, or 0
    bool may_begin[256]; // by the first byte of a place in a text
};

// The text that is searched. If it is the inside of a JSON string, a match never ends within an
// escape sequence. If it was cut, the first bytes of a secret at its very end count as a match.
struct secret_text {
    const char *end;
    bool is_json_string;
    bool is_cut;
};

// The length of the known secret at `at`, the longest if there are several; 0 if there is none.
size_t secret_match(const struct redact_secrets *secrets, const struct secret_text *text,
                    const char *at);

#endif
