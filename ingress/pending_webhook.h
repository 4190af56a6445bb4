// Webhooks that are to be queued, from their writing to their answer: each is answered once Redis
// has it or, Redis being away, the spool.
#ifndef DIALIN_PENDING_WEBHOOK_H
#define DIALIN_PENDING_WEBHOOK_H

#include "http_server.h"
#include "intake_metrics.h"
#include "loop.h"
#include "peer.h"
#include "refusal.h"
#include "signature.h"
#include "spool.h"
#include "stream_writer.h"

#include <stddef.h>

#define PENDING_SPOOL_MS 250 // without an answer of Redis; then the spool keeps the webhook
#define PENDING_WAIT_MS 5000 // for Redis and the spool; then 503

// Everything is borrowed.
struct pending_settings {
    struct stream_writer *writer;
    struct spool *spool; // NULL: there is none
    const struct intake_metrics *counts;
    struct refusals *refusals;
};

struct pending_webhooks;
struct pending_webhooks *pending_webhooks_open(struct loop *loop,
                                               const struct pending_settings *settings);

// Answers those that still wait with 503. Then the writer and the spool may be closed, whose
// callbacks come before that ends, and then this.
void pending_webhooks_refuse(struct pending_webhooks *all);
void pending_webhooks_close(struct pending_webhooks *all);

// A webhook to queue. The texts of `entry` are copied, except timestamp, signature and body, which
// must live as long as the request; `sha256` is filled in.
struct pending_new {
    struct http_request *request;
    struct webhook_entry entry;
    const char *to; // for the log
};

// Answers the request later, once. A dial-out whose call is kept already is not queued.
void pending_webhooks_add(struct pending_webhooks *all, const struct pending_new *new);

// Redis is up again: writes the webhooks that it does not have.
void pending_webhooks_write(struct pending_webhooks *all);

size_t pending_webhooks_count(const struct pending_webhooks *all);

#endif
