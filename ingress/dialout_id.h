// The id of a dial-out, which has no callId of Daily's. A signed one is identified by the bytes
// that its signature covers: a copy with another unsigned header is the same call.
#ifndef DIALIN_DIALOUT_ID_H
#define DIALIN_DIALOUT_ID_H

#include "bytes.h"
#include "webhook_entry.h"

#include <stdbool.h>

#define DIALOUT_ID_BYTES (WEBHOOK_CALL_ID_BYTES_MAX + 1)

// The parts of a request that its id may come from; texts are NULL if absent.
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
