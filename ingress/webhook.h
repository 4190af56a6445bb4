// What is a request to /api/dial: a dial-in, a dial-out, a verification request, or refused and
// why. Pure: it takes bytes and gives a verdict; signatures are checked elsewhere, before.
#ifndef DIALIN_WEBHOOK_H
#define DIALIN_WEBHOOK_H

#include "bytes.h"
#include "webhook_entry.h"

#include <stdbool.h>

#define WEBHOOK_UNSIGNED_BYTES_MAX 1024 // an unsigned body longer than this is not even parsed
#define WEBHOOK_SENTENCE_BYTES 256

enum webhook_verdict {
    WEBHOOK_CALL,         // dial-in (perhaps with dial-out settings) or dial-out: to be queued
    WEBHOOK_VERIFICATION, // Daily's test request: answered, never queued
    WEBHOOK_REFUSED,      // 400 with `code` and `sentence`
};

struct webhook {
    enum webhook_kind kind;
    char call_id[WEBHOOK_CALL_ID_BYTES_MAX + 1]; // empty for a dial-out: see Idempotency-Key
    char to[64 + 1];                             // the called number; empty for a dial-out alone
    const char *code;                      // of a refusal: "invalid_json", "missing_fields", …
    char sentence[WEBHOOK_SENTENCE_BYTES]; // names the fields; printable ASCII
};

enum webhook_verdict webhook_read(struct webhook *webhook, struct bytes_view body);

// Is it exactly a verification request: {"Test":"test"}, {"test":"test"} or {"To":"+…"} alone?
bool webhook_is_verification(struct bytes_view body);

#endif
