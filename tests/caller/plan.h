// The webhooks to send, made and signed before the clock starts, so that the generator costs little
// while it measures.
#ifndef CALLER_PLAN_H
#define CALLER_PLAN_H

#include "bytes.h"
#include "options.h"
#include "signature.h"

#include <stddef.h>
#include <stdint.h>

#define PLAN_TIMESTAMP_BYTES 24

struct planned_webhook {
    char *call_id; // of an event its id; and the body, in one block
    struct bytes_view body;
    uint64_t signed_ms; // wall clock; 0: not yet
    char timestamp[PLAN_TIMESTAMP_BYTES];
    char signature[SIGNATURE_TEXT_BYTES + 1];
};

struct plan {
    const struct options *options; // borrowed
    struct planned_webhook *webhooks;
    size_t count;
};

void plan_init(struct plan *plan, const struct options *options);
void plan_release(struct plan *plan);

// Signs again what was signed too long ago to be sent now.
void plan_freshen(struct plan *plan, size_t index);

#endif
