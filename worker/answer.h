// What an agent's answer makes of a call: the decision of retry.h as an outcome to be recorded.
#ifndef DIALIN_ANSWER_H
#define DIALIN_ANSWER_H

#include "call.h"
#include "redact.h"
#include "retry.h"
#include "start_client.h"

// Sets the call's outcome, with request and answer redacted, and counts failures in a row. `wall_s`
// is Unix time, `chance` uniformly random.
enum retry_decision answer_decide(struct call *call, const struct start_answer *answer,
                                  const struct redact_secrets *secrets, uint64_t wall_s,
                                  uint32_t chance);

#endif
