// See refusal.h. A gate for each code lets one line of the log through and counts the others; the
// next line says how many they were.
#include "refusal.h"

#include "log.h"
#include "log_gate.h"
#include "loop.h"
#include "memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLAIM_DIGITS 4
#define CLAIM_BYTES_MAX 64 // from "To" to the end of its value, as far as it is looked for

struct gate {
    const char *code;
    const char *message; // an error; NULL: information
    struct log_gate log;
};

struct refusals {
    struct stream_writer *writer;
    const struct intake_refusals *counts;
    uint64_t second_ms; // of the traces
    unsigned traces;    // in it
    uint64_t untraced;  // since the last trace
    struct gate gates[INTAKE_REFUSAL_CODES_MAX];
};

static const struct gate GATES[] = {
    {.code = "invalid_signature"},
    {.code = "stale_timestamp",
     .message = "webhooks with a stale timestamp: check the clock of this machine"},
    {.code = "bad_request", .message = "requests refused: malformed HTTP"},
    {.code = "body_too_large", .message = "requests refused: longer than MAX_BODY_BYTES"},
    {.code = "request_timeout", .message = "requests refused: not whole in time"},
    {.code = "busy"},
    {.code = "queue_unavailable"},
    {.code = "missing_signature"},
    {.code = "not_found"},
    {.code = "method_not_allowed"},
    {.code = "invalid_json"},
    {.code = "missing_fields"},
    {.code = "invalid_field"},
};
#define GATE_COUNT (sizeof GATES / sizeof GATES[0])

static const char *message_of(const struct gate *gate, const struct refusal_words *words)
{
    return !strcmp(gate->code, "invalid_signature")   ? words->invalid_signature
           : !strcmp(gate->code, "busy")              ? words->busy
           : !strcmp(gate->code, "queue_unavailable") ? words->queue_unavailable
                                                      : gate->message;
}

struct refusals *refusals_open(struct stream_writer *writer, const struct intake_refusals *counts,
                               const struct refusal_words *words)
{
    struct refusals *refusals = memory_zeroed(sizeof *refusals);
    _Static_assert(GATE_COUNT <= INTAKE_REFUSAL_CODES_MAX, "each code has its gate");
    refusals->writer = writer;
    refusals->counts = counts;
    memcpy(refusals->gates, GATES, sizeof GATES);
    for (size_t i = 0; i < GATE_COUNT; i++) {
        refusals->gates[i].message = message_of(&GATES[i], words);
    }
    return refusals;
}

void refusals_close(struct refusals *refusals)
{
    free(refusals);
}

// --- the log ----------------------------------------------------------------------------------

// The gate if a line may be written now, with `since` as the line says it; else NULL.
static struct gate *pass_gate(struct refusals *refusals, const char *code, uint64_t *since)
{
    for (size_t i = 0; i < GATE_COUNT; i++) {
        struct gate *gate = &refusals->gates[i];
        if (!strcmp(gate->code, code)) {
            *since = log_gate_pass(&gate->log, loop_now_ms());
            return *since > 0 ? gate : NULL;
        }
    }
    return NULL;
}

// The last digits of the number that an unverified body claims in "To". Its bytes are searched, not
// parsed: nothing is known to be genuine.
static void find_claim(struct bytes_view body, char claim[CLAIM_DIGITS + 1])
{
    const char *name = body.len > 0 ? memmem(body.data, body.len, "\"To\"", 4) : NULL;
    size_t count = 0;
    claim[0] = '\0';
    if (!name) {
        return;
    }
    const char *at = name + 4;
    size_t left = body.len - (size_t)(at - body.data);
    const char *end = at + (left < CLAIM_BYTES_MAX ? left : CLAIM_BYTES_MAX);
    const char *quote = memchr(at, '"', (size_t)(end - at));
    for (at = quote ? quote + 1 : end; at < end && *at != '"' && *at != '@'; at++) {
        if (*at >= '0' && *at <= '9') {
            memmove(claim, claim + (count == CLAIM_DIGITS), count);
            count -= count == CLAIM_DIGITS;
            claim[count++] = *at;
            claim[count] = '\0';
        }
    }
}

static void log_refusal(struct refusals *refusals, const struct refusal *refusal,
                        struct bytes_view body)
{
    char claim[CLAIM_DIGITS + 1];
    uint64_t since = 0;
    const struct gate *gate = pass_gate(refusals, refusal->code, &since);
    if (!gate) {
        return;
    }
    find_claim(body, claim);
    if (gate->message) {
        log_error(gate->message, log_text("code", refusal->code),
                  log_number("count", (int64_t)since), log_text("peer", refusal->peer),
                  log_text("to_ends_in", claim[0] ? claim : NULL));
    } else {
        log_info("request refused", log_text("code", refusal->code),
                 log_number("count", (int64_t)since), log_text("reason", refusal->sentence),
                 log_text("peer", refusal->peer));
    }
}

void refusal_note(struct refusals *refusals, const char *code)
{
    const struct refusal refusal = {.code = code};
    intake_counts_refusal(refusals->counts, code);
    log_refusal(refusals, &refusal, VIEW(""));
}

// --- answering ----------------------------------------------------------------------------------

static void answer(const struct refusals *refusals, struct http_request *request,
                   const struct refusal *refusal)
{
    intake_counts_refusal(refusals->counts, refusal->code);
    http_refuse(request, refusal->status, refusal->code, refusal->sentence,
                refusal->status == 503 ? REFUSAL_RETRY_AFTER_S : 0);
}

void refusal_answer(struct refusals *refusals, struct http_request *request,
                    const struct refusal *refusal)
{
    log_refusal(refusals, refusal, http_request_body(request));
    answer(refusals, request, refusal);
}

// At most REFUSAL_TRACES_MAX in a second: the holder of a secret may still be broken.
static bool may_trace(struct refusals *refusals)
{
    uint64_t now_ms = loop_now_ms();
    if (now_ms - refusals->second_ms >= REFUSAL_TRACES_MS) {
        refusals->second_ms = now_ms;
        refusals->traces = 0;
    }
    if (refusals->traces == REFUSAL_TRACES_MAX) {
        refusals->untraced++;
        return false;
    }
    refusals->traces++;
    return true;
}

static void trace(struct refusals *refusals, const struct http_request *request,
                  const struct refusal *refusal, const char *secret, uint64_t received_ms)
{
    char time[24], length[24];
    struct bytes_view body = http_request_body(request);
    snprintf(time, sizeof time, "%llu", (unsigned long long)received_ms);
    snprintf(length, sizeof length, "%zu", body.len);
    body.len = body.len < REFUSAL_TRACE_BODY_BYTES ? body.len : REFUSAL_TRACE_BODY_BYTES;
    const struct bytes_view fields[] = {
        VIEW("code"),        view_of_text(refusal->code),
        VIEW("sentence"),    view_of_text(refusal->sentence),
        VIEW("peer"),        view_of_text(refusal->peer),
        VIEW("received_ms"), view_of_text(time),
        VIEW("secret"),      view_of_text(secret),
        VIEW("body_bytes"),  view_of_text(length),
        VIEW("body"),        body,
    };
    stream_writer_trace(refusals->writer, sizeof fields / sizeof fields[0], fields);
}

void refusal_answer_genuine(struct refusals *refusals, struct http_request *request,
                            const struct refusal *refusal, const char *secret, uint64_t received_ms)
{
    if (may_trace(refusals)) {
        log_error("a genuine webhook was refused: its caller is lost (dialin-audit refused)",
                  log_text("code", refusal->code), log_text("reason", refusal->sentence),
                  log_text("peer", refusal->peer),
                  log_view("secret", (struct bytes_view){secret, strcspn(secret, "(")}),
                  log_number("not_logged", (int64_t)refusals->untraced));
        refusals->untraced = 0;
        trace(refusals, request, refusal, secret, received_ms);
    }
    answer(refusals, request, refusal);
}
