// Turns an agent's answer into the outcome to be recorded, by the decision of retry.h.
#ifndef DIALIN_ANSWER_H
#define DIALIN_ANSWER_H

#include "agent_health.h"
#include "call_metrics.h"
#include "reach.h"
#include "redact.h"
#include "start_client.h"

struct answer_context {
    struct redact_secrets *secrets; // grows by the key of the call's agent
    struct call_metrics *metrics;
    struct agent_health *health;
    struct reach *reach;
};

// Sets the call's outcome, with request and answer redacted, and counts failures in a row.
void answer_take(struct call *call, const struct start_answer *answer,
                 const struct answer_context *context);

// What `finish` made of the outcome that it was told: `ms` and `flag` as record.h has them.
void answer_take_verdict(struct call *call, enum record_verdict verdict, unsigned ms, bool flag,
                         struct agent_health *health);

#endif
