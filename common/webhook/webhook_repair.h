// Makes of a genuine webhook one that can be used: a caller is real and on hold, so no part that we
// do not need may cost the call (CONTRACT, "A genuine call is never refused over a part of it").
// Ingress, worker and audit use this one function, on the raw bytes, which stay as they came. Pure:
// the same bytes always give the same call.
#ifndef DIALIN_WEBHOOK_REPAIR_H
#define DIALIN_WEBHOOK_REPAIR_H

#include "bytes.h"
#include "json.h"

#include <stdbool.h>

#define WEBHOOK_PARTY_BYTES_MAX 1024 // of From and To; longer ones are shortened
#define WEBHOOK_FLAW_BYTES 512
#define WEBHOOK_SENTENCE_BYTES 256
#define WEBHOOK_WITHHELD "anonymous" // sent to the bot if the number is withheld

// A webhook after its repair: From and To of a dial-in are texts, the values of sipHeaders
// are texts, dialout_settings is absent or can be used.
struct webhook_repaired {
    struct json_document document; // strict; its members point into `text`, or into the body
    struct bytes text;             // empty: the body could stay as it is
    bool is_dialin;                // it has a callId
    bool has_dialout;              // it has dialout_settings that can be used
    bool is_trunk;                 // made by trunk_webhook_repair
    char flaw[WEBHOOK_FLAW_BYTES]; // the repairs, in sentences; empty: none
    const char *code;              // of a refusal: invalid_json, missing_fields, invalid_field
    char sentence[WEBHOOK_SENTENCE_BYTES]; // of a refusal; printable ASCII
};

// `signed_for` is the number or SIP address that the secret of its signature is tied to, empty if
// it is tied to none: it stands in for an absent To, and allows no dial-out. Returns false if this
// is not a webhook that can be used; `code` and `sentence` give the reason. `body` must outlive
// `repaired`, which is to be released in either case.
bool webhook_repair(struct webhook_repaired *repaired, struct bytes_view body,
                    struct bytes_view signed_for);
void webhook_repair_release(struct webhook_repaired *repaired);

// Can dialout_settings be used: a list that is not empty, or an object that names a number or a SIP
// address?
bool webhook_dialout_is_usable(const cJSON *settings);

// --- for trunk_webhook.c only -------------------------------------------------------------------

// Adds a sentence, once.
void webhook_add_flaw(struct webhook_repaired *repaired, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void webhook_add_json_flaws(struct webhook_repaired *repaired, unsigned flaws);

// Always false.
bool webhook_refuse(struct webhook_repaired *repaired, const char *code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// Keeps `text`, parsed strictly; false if it is not JSON. It is released with `repaired`.
bool webhook_take_text(struct webhook_repaired *repaired, struct bytes *text);

// At most `bytes_max` bytes of it, cut before a UTF-8 sequence, not within it.
struct bytes_view webhook_shortened(struct bytes_view text, size_t bytes_max);

#endif
