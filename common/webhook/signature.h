// Is a webhook genuine? Daily's X-Pinless-Signature is base64 of HMAC-SHA256 over
// `<timestamp header as sent>.<raw body bytes>`, keyed with the base64-decoded secret of the number
// (Daily's documentation, "Dial-in webhook", and pinless dial-in helpers of Pipecat). Pure.
#ifndef DIALIN_SIGNATURE_H
#define DIALIN_SIGNATURE_H

#include "bytes.h"

#include <stdbool.h>
#include <stdint.h>

#define SIGNATURE_SECRETS_MAX 1024
#define SIGNATURE_SECRET_BYTES_MIN 16
#define SIGNATURE_FRESH_S 300
#define SIGNATURE_TEXT_BYTES 44 // base64 of 32 bytes

// Known to everybody, for trials only: an ingress refuses it unless told that no real call comes.
#define SIGNATURE_DEMONSTRATION_SECRET "ZGlhbGluLWRlbW9uc3RyYXRpb24tc2VjcmV0LTAwMDE="

struct signature_secrets;

// Parses PINLESS_HMAC_SECRET: base64 secrets separated by commas, each optionally tied to a number
// in any spelling or to a SIP address: `number=secret`, `sip:user@host=secret`. NULL with a
// sentence in `problem` (which never holds a secret) if one is unusable.
struct signature_secrets *signature_secrets_parse(const char *list, struct bytes *problem);
// The same for SIP_TRUNK_SECRET: each optionally named, `trunk=secret`. The name (64 of
// [A-Za-z0-9_.-]) is for people only: each secret signs for every call. At most
// SIGNATURE_TRIES_MAX.
struct signature_secrets *signature_secrets_parse_named(const char *list, struct bytes *problem);
void signature_secrets_free(struct signature_secrets *secrets);
bool signature_secrets_have(const struct signature_secrets *secrets, const char *secret);
bool signature_secrets_are_tied(const struct signature_secrets *secrets); // one of them, at least

enum signature_verdict { SIGNATURE_GOOD, SIGNATURE_WRONG, SIGNATURE_STALE };

#define SIGNATURE_TRIES_MAX 16 // secrets that are tried for one request

// Which secrets made it: some may sign for one number only. Plain memory.
struct signature_match {
    bool any_number;
    size_t count; // of `indexes`
    uint16_t indexes[SIGNATURE_TRIES_MAX];
};

// Verifies `signature` over `timestamp` and `body`, in constant time, then the freshness of
// `timestamp` (digits; milliseconds from 10^11 on, seconds below) against `now_ms`. Tries the
// secrets that are tied to no number, then those whose number or SIP user occurs in the body, then
// the others, SIGNATURE_TRIES_MAX at most. A malformed timestamp or signature is SIGNATURE_WRONG.
// `match` may be NULL; it is filled for a stale timestamp too.
enum signature_verdict signature_check(const struct signature_secrets *secrets,
                                       struct bytes_view timestamp, struct bytes_view signature,
                                       struct bytes_view body, uint64_t now_ms,
                                       struct signature_match *match);

// Judges the two headers without the body: SIGNATURE_WRONG if no secret could make them good,
// SIGNATURE_STALE if the timestamp is too old or too new, else SIGNATURE_GOOD.
enum signature_verdict signature_look(struct bytes_view timestamp, struct bytes_view signature,
                                      uint64_t now_ms);

// Does this signature count for the called number or SIP address `to` (empty: none)? A secret tied
// to a SIP address counts for that address only, one tied to a number also for SIP addresses whose
// user part is that number.
bool signature_allows(const struct signature_secrets *secrets, const struct signature_match *match,
                      const char *to);

// The address that the secret of a match is tied to: `+14152251493` or `sip:user@host`; "" if one
// of them is tied to nothing.
const char *signature_tied_to(const struct signature_secrets *secrets,
                              const struct signature_match *match);

// The secret of a match as it is told to people: "2 of the list (+14152251493)".
#define SIGNATURE_NAME_BYTES 128
void signature_name(const struct signature_secrets *secrets, const struct signature_match *match,
                    char out[SIGNATURE_NAME_BYTES]);

// Signs as Daily does. `secret` is one base64 secret; `out` gets SIGNATURE_TEXT_BYTES and a NUL.
// Returns false if the secret is not base64.
bool signature_sign(const char *secret, struct bytes_view timestamp, struct bytes_view body,
                    char *out);

// Lower-case hex of the SHA-256 of `data`: 64 characters and a NUL.
#define SIGNATURE_SHA256_HEX 65
void signature_sha256(struct bytes_view data, char *out);

// Compares two secrets of any length in constant time for equal lengths.
bool signature_same_secret(struct bytes_view a, struct bytes_view b);

#endif
