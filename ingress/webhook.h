// Classifies a request to /api/dial: a dial-in, a dial-out, a verification request, or refused and
// why. Pure: it takes bytes and gives a verdict; signatures are checked elsewhere, before.
#ifndef DIALIN_WEBHOOK_H
#define DIALIN_WEBHOOK_H

#include "bytes.h"
#include "webhook_entry.h"
#include "webhook_repair.h"

#include <stdbool.h>

#define WEBHOOK_UNSIGNED_BYTES_MAX 1024 // an unsigned body longer than this is not even parsed

enum webhook_verdict {
    WEBHOOK_CALL,         // dial-in (perhaps with dial-out settings) or dial-out: to be queued
    WEBHOOK_VERIFICATION, // Daily's test request: answered, never queued
    WEBHOOK_REFUSED,      // 400 with `code` and `sentence`
};

// Owned; to be released whatever the verdict.
struct webhook {
    enum webhook_kind kind;
    char call_id[WEBHOOK_CALL_ID_BYTES_MAX + 1]; // empty for a dial-out
    char *to;                                    // the called number as it came; empty: none
    char *idempotency_key;                       // of the body; NULL: there is none
    bool has_dialout;                            // a dial-in that may dial out
    char flaw[WEBHOOK_FLAW_BYTES];               // the repairs; empty: none
    const char *code;                      // of a refusal: "invalid_json", "missing_fields", …
    char sentence[WEBHOOK_SENTENCE_BYTES]; // names the fields; printable ASCII
};

// `signed_for` as webhook_repair takes it.
enum webhook_verdict webhook_read(struct webhook *webhook, struct bytes_view body,
                                  struct bytes_view signed_for);
void webhook_release(struct webhook *webhook);

// Is it exactly a verification request: {"Test":"test"}, {"test":"test"} or {"To":"+…"} alone?
bool webhook_is_verification(struct bytes_view body);

#endif
