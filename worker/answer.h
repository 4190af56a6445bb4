// Turns an agent's answer into the outcome to be recorded, by the decision of retry.h.
#ifndef DIALIN_ANSWER_H
#define DIALIN_ANSWER_H

#include "call.h"
#include "redact.h"
#include "retry.h"
#include "start_client.h"

struct answer_moment {
    uint64_t wall_s; // Unix time
    uint32_t chance; // uniformly random
};

// Sets the call's outcome, with request and answer redacted, and counts failures in a row.
enum retry_decision answer_decide(struct call *call, const struct start_answer *answer,
                                  const struct redact_secrets *secrets,
                                  const struct answer_moment *moment);

#endif
