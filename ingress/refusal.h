// How the ingress refuses: the answer, the metric, and who is told. A refusal that may have lost a
// caller is an error in the log; of those that anybody can cause, one line in LOG_GATE_MS says
// how many there were. A genuine webhook that is refused all the same leaves a trace in
// {dialin}:refused too.
#ifndef DIALIN_REFUSAL_H
#define DIALIN_REFUSAL_H

#include "http_server.h"
#include "intake_metrics.h"
#include "stream_writer.h"

#define REFUSAL_TRACES_MAX 10 // in REFUSAL_TRACES_MS; further ones are counted
#define REFUSAL_TRACES_MS 1000
#define REFUSAL_TRACE_BODY_BYTES 4096
#define REFUSAL_RETRY_AFTER_S 1 // of 503

// The lines of the log that differ between the doors; constants.
struct refusal_words {
    const char *invalid_signature, *busy, *queue_unavailable;
};

struct refusals;
// Everything is borrowed. `counts` ends with a row without a code.
struct refusals *refusals_open(struct stream_writer *writer, const struct intake_refusals *counts,
                               const struct refusal_words *words);
void refusals_close(struct refusals *refusals); // NULL is allowed

struct refusal {
    unsigned status;
    const char *code;
    const char *sentence;
    const char *peer;
};

// Refuses a request that is not known to be genuine, or cannot be taken now.
void refusal_answer(struct refusals *refusals, struct http_request *request,
                    const struct refusal *refusal);

// Refuses a genuine request. `secret` names the secret or key it was made with; `received_ms` is
// Redis' time. The answer does not wait for the trace.
void refusal_answer_genuine(struct refusals *refusals, struct http_request *request,
                            const struct refusal *refusal, const char *secret,
                            uint64_t received_ms);

// Counts and reports a refusal that the HTTP server has answered itself.
void refusal_note(struct refusals *refusals, const char *code);

#endif
