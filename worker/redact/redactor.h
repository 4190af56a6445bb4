// The state of redacting one text: how far it was examined, how far it was copied, and the search
// for secrets in text whose structure is not known. For redact.c.
#ifndef DIALIN_REDACTOR_H
#define DIALIN_REDACTOR_H

#include "secret.h"

// Text before `at` is done; of that, the part after `plain` has yet to be appended.
struct redactor {
    const char *at, *plain;
    const char *text_end;    // of everything
    const char *begin;       // of the text that is searched now
    struct secret_text text; // the text that is searched now
    const struct redact_secrets *secrets;
    struct bytes *out;
    bool is_full; // the maximum of `out` is reached: nothing further is appended

    // of redact.c
    bool is_survey;      // nothing is searched or appended: only the pairs are found
    size_t object_count; // of the JSON so far
    struct bytes pairs;  // a bit for each object: it is a secret's {"name":…,"value":…}
};

// Cuts at the maximum of `out`, but not within a UTF-8 sequence.
void redactor_emit(struct redactor *redactor, const char *data, size_t len);
void redactor_emit_until(struct redactor *redactor, const char *until);

// Continues after `to`, and writes `[redacted]` for the bytes in between.
void redactor_hide(struct redactor *redactor, const char *from, const char *to);

// Hides the secrets from `begin` to `end`, which is the inside of a JSON string or any text. What
// is left of the inside of a JSON string still is one.
void redactor_search(struct redactor *redactor, const char *begin, const char *end,
                     bool is_json_string);

// Returns the first byte at or after `at` that is not in `set`.
const char *redactor_skip(const char *at, const char *end, const char *set);

#endif
