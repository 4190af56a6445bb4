// The id of a dial-out, which has no callId of Daily's. What identifies a signed one is what its
// signature covers: a copy with another unsigned header is the same call.
#ifndef DIALIN_DIALOUT_ID_H
#define DIALIN_DIALOUT_ID_H

#include "bytes.h"
#include "webhook_entry.h"

#include <stdbool.h>

#define DIALOUT_ID_BYTES (WEBHOOK_CALL_ID_BYTES_MAX + 1)

// What a request brings for its id; texts are NULL if absent.
struct dialout_request {
    bool is_signed;
    const char *header;          // Idempotency-Key
    const char *body_key;        // idempotency_key of the body
    struct bytes_view timestamp; // as sent
    struct bytes_view body;
};

// Writes the id: the header's, or a random one; of a signed request the body's, or one made of
// timestamp and body. NULL when it is good, else the sentence of the refusal.
const char *dialout_id_choose(const struct dialout_request *request, char id[DIALOUT_ID_BYTES]);

#endif
