// A pending webhook is held from its writing to its answer, in the order of arrival. One that could
// not be written, was refused or got no answer simply waits and is written again when Redis is up;
// a second copy of an entry ends as a duplicate in the worker, a lost caller would not. After
// PENDING_SPOOL_MS without an answer the spool keeps it too, and the first of the two to have it
// answers; after PENDING_WAIT_MS the sender gets its 503.
//
// Surprising: the sender may have its answer while Redis or the spool is still at work. The pending
// webhook outlives its request for that long.
#include "pending_webhook.h"

#include "json.h"
#include "log.h"
#include "log_gate.h"
#include "memory.h"

#include <stdlib.h>
#include <string.h>

#define TICK_MS 50
#define ANSWER_BYTES_MAX 1024

struct pending_webhook {
    struct pending_webhook *next, *previous;
    struct pending_webhooks *all;
    struct http_request *request; // NULL: answered already
    bool is_written;              // to Redis, whose answer is out
    bool is_spooling;             // the spool's answer is out
    bool is_looked_up;            // whether a dial-out is kept already: the answer is out
    uint64_t begun_ms;
    struct webhook_entry entry; // points into the request, and into the texts below
    char call_id[WEBHOOK_CALL_ID_BYTES_MAX + 1];
    char *to, *signed_for, *flaw;
    char peer[PEER_BYTES];
    char sha256[SIGNATURE_SHA256_HEX];
};

struct pending_webhooks {
    struct pending_settings settings;
    struct log_gate duplicates; // dial-outs
    struct loop_timer *tick;
    bool is_ticking;
    struct pending_webhook *oldest, *newest;
    size_t count;
};

// --- keeping ------------------------------------------------------------------------------------

static void free_webhook(struct pending_webhook *webhook)
{
    free(webhook->to);
    free(webhook->signed_for);
    free(webhook->flaw);
    free(webhook);
}

static void forget(struct pending_webhook *webhook)
{
    struct pending_webhooks *all = webhook->all;
    *(webhook->previous ? &webhook->previous->next : &all->oldest) = webhook->next;
    *(webhook->next ? &webhook->next->previous : &all->newest) = webhook->previous;
    *all->settings.counts->in_flight = (int64_t)--all->count;
    free_webhook(webhook);
}

static void forget_when_done(struct pending_webhook *webhook)
{
    if (!webhook->request && !webhook->is_written && !webhook->is_spooling &&
        !webhook->is_looked_up) {
        forget(webhook);
    }
}

// `entry_id` is empty if the spool has it.
static void acknowledge(struct pending_webhook *webhook, struct bytes_view entry_id)
{
    const struct pending_settings *settings = &webhook->all->settings;
    struct bytes body;
    bytes_init(&body, ANSWER_BYTES_MAX);
    bytes_append_text(&body, "{\"status\":\"queued\",");
    if (entry_id.len > 0) {
        bytes_append_text(&body, "\"id\":");
        json_append_text(&body, entry_id);
    } else {
        bytes_append_text(&body, "\"spooled\":true");
    }
    bytes_append_text(&body, ",\"call_id\":");
    json_append_text(&body, webhook->entry.call_id);
    bytes_append_text(&body, "}");
    metrics_observe(settings->counts->latency,
                    loop_now_us() - http_request_begun_us(webhook->request));
    (*(entry_id.len > 0 ? settings->counts->queued : settings->counts->spooled))++;
    log_info(entry_id.len > 0 ? "webhook queued" : "webhook spooled",
             log_view("call_id", webhook->entry.call_id), log_view("entry", entry_id),
             log_phone("to", webhook->to), log_text("peer", webhook->peer),
             log_text("flaw", webhook->flaw));
    http_reply(webhook->request, 200, bytes_view(&body), NULL);
    webhook->request = NULL;
    bytes_release(&body);
}

static void on_written(struct bytes_view entry_id, void *arg)
{
    struct pending_webhook *webhook = arg;
    webhook->is_written = false;
    if (entry_id.len > 0 && webhook->request) {
        acknowledge(webhook, entry_id);
    }
    forget_when_done(webhook); // else on_tick writes it again
}

static void write_webhook(struct pending_webhook *webhook)
{
    struct webhook_entry_fields fields;
    webhook_entry_to_fields(&webhook->entry, &fields);
    webhook->is_written = stream_writer_write(webhook->all->settings.writer, fields.count,
                                              fields.views, on_written, webhook);
}

static void on_kept(bool is_kept, void *arg)
{
    struct pending_webhook *webhook = arg;
    webhook->is_spooling = false;
    if (is_kept && webhook->request) {
        acknowledge(webhook, VIEW(""));
    }
    forget_when_done(webhook);
}

static void spool_webhook(struct pending_webhook *webhook)
{
    struct webhook_entry_fields fields;
    webhook_entry_to_fields(&webhook->entry, &fields);
    webhook->is_spooling =
        spool_keep(webhook->all->settings.spool, fields.count, fields.views, on_kept, webhook);
}

// A dial-out whose call is kept already: nothing is queued, and the sender hears its outcome.
static void answer_duplicate(struct pending_webhook *webhook, struct bytes_view state,
                             struct bytes_view reason)
{
    const struct pending_settings *settings = &webhook->all->settings;
    struct bytes body;
    bytes_init(&body, ANSWER_BYTES_MAX);
    bytes_append_text(&body, "{\"status\":\"duplicate\",\"call_id\":");
    json_append_text(&body, webhook->entry.call_id);
    bytes_append_text(&body, ",\"state\":");
    json_append_text(&body, state);
    bytes_append_text(&body, ",\"reason\":");
    json_append_text(&body, reason);
    bytes_append_text(&body, "}");
    (*settings->counts->duplicate)++;
    uint64_t since = log_gate_pass(&webhook->all->duplicates, loop_now_ms());
    if (since > 0) {
        log_info("dial-out already recorded", log_view("call_id", webhook->entry.call_id),
                 log_view("state", state), log_view("reason", reason),
                 log_text("peer", webhook->peer), log_number("count", (int64_t)since));
    }
    http_reply(webhook->request, 200, bytes_view(&body), NULL);
    webhook->request = NULL;
    bytes_release(&body);
}

static void on_looked_up(struct bytes_view state, struct bytes_view reason, void *arg)
{
    struct pending_webhook *webhook = arg;
    webhook->is_looked_up = false;
    if (webhook->request && !webhook->is_spooling) {
        if (state.len > 0) {
            answer_duplicate(webhook, state, reason);
        } else {
            write_webhook(webhook);
        }
    }
    forget_when_done(webhook);
}

// --- while Redis does not answer ----------------------------------------------------------------

static bool may_spool(const struct pending_webhook *webhook, uint64_t now_ms)
{
    const struct pending_settings *settings = &webhook->all->settings;
    return settings->spool && webhook->request && !webhook->is_spooling &&
           (now_ms - webhook->begun_ms >= PENDING_SPOOL_MS ||
            stream_writer_down_ms(settings->writer) >= PENDING_SPOOL_MS);
}

void pending_webhooks_write(struct pending_webhooks *all)
{
    for (struct pending_webhook *webhook = all->oldest;
         webhook && stream_writer_is_up(all->settings.writer); webhook = webhook->next) {
        // NOLINTNEXTLINE(clang-analyzer-unix.Malloc): a forgotten one is in no list
        if (!webhook->is_written && !webhook->is_looked_up && webhook->request) {
            write_webhook(webhook);
        }
    }
}

static void keep_ticking(struct pending_webhooks *all)
{
    if (!all->is_ticking && all->oldest) {
        all->is_ticking = true;
        loop_timer_start(all->tick, TICK_MS);
    }
}

static void refuse(struct pending_webhook *webhook, const char *sentence)
{
    const struct refusal refusal = {503, "queue_unavailable", sentence, webhook->peer};
    refusal_answer(webhook->all->settings.refusals, webhook->request, &refusal);
    webhook->request = NULL;
}

static void on_tick(void *arg)
{
    struct pending_webhooks *all = arg;
    uint64_t now_ms = loop_now_ms();
    struct pending_webhook *next = NULL;
    all->is_ticking = false;
    for (struct pending_webhook *webhook = all->oldest; webhook; webhook = next) {
        next = webhook->next;
        if (may_spool(webhook, now_ms)) {
            spool_webhook(webhook);
        }
        if (webhook->request && now_ms - webhook->begun_ms > PENDING_WAIT_MS) {
            refuse(webhook, "the queue cannot be reached; try again");
            forget_when_done(webhook);
        }
    }
    pending_webhooks_write(all);
    keep_ticking(all);
}

// --- the face -----------------------------------------------------------------------------------

void pending_webhooks_add(struct pending_webhooks *all, const struct pending_new *new)
{
    struct pending_webhook *webhook = memory_zeroed(sizeof *webhook);
    *webhook = (struct pending_webhook){
        .previous = all->newest,
        .all = all,
        .request = new->request,
        .begun_ms = loop_now_ms(),
        .entry = new->entry,
        .to = memory_text(new->to),
        .signed_for = memory_text_of(new->entry.signed_for.data, new->entry.signed_for.len),
        .flaw = memory_text_of(new->entry.flaw.data, new->entry.flaw.len),
    };
    view_copy(new->entry.call_id, webhook->call_id, sizeof webhook->call_id);
    view_copy(new->entry.peer, webhook->peer, sizeof webhook->peer);
    signature_sha256(new->entry.body, webhook->sha256);
    webhook->entry.call_id = view_of_text(webhook->call_id);
    webhook->entry.peer = view_of_text(webhook->peer);
    webhook->entry.sha256 = view_of_text(webhook->sha256);
    webhook->entry.signed_for = view_of_text(webhook->signed_for);
    webhook->entry.flaw = view_of_text(webhook->flaw);
    *(all->newest ? &all->newest->next : &all->oldest) = webhook;
    all->newest = webhook;
    *all->settings.counts->in_flight = (int64_t)++all->count;
    webhook->is_looked_up =
        new->entry.kind == WEBHOOK_DIALOUT &&stream_writer_look_up(
                               all->settings.writer, webhook->call_id, on_looked_up, webhook);
    if (!webhook->is_looked_up) {
        write_webhook(webhook);
    }
    if (may_spool(webhook, webhook->begun_ms)) {
        spool_webhook(webhook);
    }
    keep_ticking(all);
}

size_t pending_webhooks_count(const struct pending_webhooks *all)
{
    return all->count;
}

struct pending_webhooks *pending_webhooks_open(struct loop *loop,
                                               const struct pending_settings *settings)
{
    struct pending_webhooks *all = memory_zeroed(sizeof *all);
    all->settings = *settings;
    all->tick = loop_timer_open(loop, on_tick, all);
    return all;
}

void pending_webhooks_refuse(struct pending_webhooks *all)
{
    for (struct pending_webhook *webhook = all->oldest; webhook; webhook = webhook->next) {
        if (webhook->request) {
            refuse(webhook, "the ingress is shutting down");
        }
    }
}

void pending_webhooks_close(struct pending_webhooks *all)
{
    struct pending_webhook *next = NULL;
    for (struct pending_webhook *webhook = all->oldest; webhook; webhook = next) {
        next = webhook->next;
        forget(webhook);
    }
    loop_timer_close(all->tick);
    free(all);
}
