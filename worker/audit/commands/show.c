// dialin-audit show: one call's whole story, in the order in which it happened. The call's hash
// names its events, so that nobody has to look for them among all others.
#include "call_json.h"
#include "command.h"
#include "json_line.h"
#include "time_text.h"
#include "record_walk.h"
#include "state_colour.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LABEL_COLUMNS 12
#define FOLDED_MIN 4    // equal attempts in a row
#define EVENTS_MAX 4096 // of one call; more are said to be left out

struct story {
    struct audit *audit;
    struct recorded_call call;
    redisReply *events[EVENTS_MAX]; // each a list of one row, oldest first
    size_t event_count;
    bool is_cut;
};

// --- reading ------------------------------------------------------------------------------------

static int by_age(const void *a, const void *b)
{
    return entry_id_compare(*(const struct entry_id *)a, *(const struct entry_id *)b);
}

static size_t event_ids(const redisReply *hash, struct entry_id ids[EVENTS_MAX], bool *is_cut)
{
    static const char NAME[] = "event:";
    size_t count = 0;
    for (size_t i = 0; hash && i + 1 < hash->elements; i += 2) {
        if (!strncmp(hash->element[i]->str, NAME, sizeof NAME - 1)) {
            *is_cut = count == EVENTS_MAX;
            if (!*is_cut) {
                ids[count++] = entry_id_of(hash->element[i]->str + sizeof NAME - 1);
            }
        }
    }
    qsort(ids, count, sizeof *ids, by_age);
    return count;
}

static bool read_events(struct story *story)
{
    struct entry_id ids[EVENTS_MAX] = {{0, 0}};
    struct database *database = story->audit->database;
    const struct bytes_view key = database_key(database, REDIS_KEY_AUDIT, "");
    story->event_count = event_ids(story->call.hash, ids, &story->is_cut);
    for (size_t i = 0; i < story->event_count; i++) {
        char text[ENTRY_ID_BYTES];
        entry_id_print(ids[i], text);
        const struct bytes_view id = view_of_text(text);
        const struct bytes_view argv[] = {VIEW("XRANGE"), key, id, id};
        database_send(database, 4, argv);
    }
    for (size_t i = 0; i < story->event_count; i++) {
        story->events[i] = database_receive_shaped(database, REPLY_ROWS);
    }
    return !database_is_lost(database);
}

static const redisReply *event_row(const redisReply *reply)
{
    return reply_is_list(reply) && reply->elements == 1 ? reply->element[0] : NULL; // or trimmed
}

// --- the signature ------------------------------------------------------------------------------

// Freshness was the ingress' business: it is now long stale.
static const char *signature_of(const struct story *story)
{
    const struct webhook_entry *webhook = &story->call.webhook;
    const bool is_trunk = webhook->kind == WEBHOOK_TRUNK;
    const struct signature_secrets *secrets =
        is_trunk ? story->audit->settings->of_trunks : story->audit->settings->signatures;
    struct signature_match match;
    if (webhook->signature.len == 0) {
        return "none (unsigned, or by INGRESS_API_KEY)";
    }
    if (!secrets) {
        return is_trunk ? "unknown: SIP_TRUNK_SECRET is not set here"
                        : "unknown: PINLESS_HMAC_SECRET is not set here";
    }
    if (signature_check(secrets, webhook->timestamp, webhook->signature, webhook->body, 0,
                        &match) == SIGNATURE_WRONG) {
        return "not by any secret configured here";
    }
    const char *to = story->call.to[0] ? story->call.to : NULL;
    return is_trunk || signature_allows(secrets, &match, to)
               ? "good, by a secret configured here"
               : "by a secret that is another number's";
}

static const char *digest_of(const struct webhook_entry *webhook)
{
    return webhook_entry_is_whole(webhook) ? "is what its sha256 says"
                                           : "IS NOT WHAT ITS sha256 SAYS";
}

// --- for people ---------------------------------------------------------------------------------

static void print_field(const struct story *story, const char *label, enum colour colour,
                        struct bytes_view text)
{
    if (text.len > 0) {
        screen_put_text(&story->audit->screen, COLOUR_FAINT, LABEL_COLUMNS, label);
        screen_print(" ");
        screen_put(&story->audit->screen, colour, 0, text);
        screen_print("\n");
    }
}

static void print_label(const struct story *story, const char *label, const char *text)
{
    print_field(story, label, COLOUR_NONE, view_of_text(text));
}

static void print_time(const struct story *story, const char *label, uint64_t ms)
{
    char text[TIME_TEXT_BYTES];
    time_text_print(ms, text);
    print_label(story, label, ms > 0 ? text : "unknown");
}

static void print_head(const struct story *story)
{
    const struct recorded_call *call = &story->call;
    char state[128], waited[TIME_TEXT_BYTES];
    snprintf(state, sizeof state, "%s%s%.64s", recorded_state_name(call->state),
             call->reason[0] ? ", " : "", call->reason);
    time_text_print_span(recorded_call_waited_ms(call, database_now_ms(story->audit->database)),
                         waited);
    print_label(story, "call", call->call_id);
    print_field(story, "state", colour_of_state(call->state), view_of_text(state));
    print_label(story, "from", call->from[0] ? call->from : "unknown");
    print_label(story, "to", call->to[0] ? call->to : "unknown");
    print_label(story, "waited", waited);
    print_label(story, "agent", call->agent);
    print_label(story, "route", call->route);
    print_field(story, "session", COLOUR_NONE, reply_field(call->hash, "session_id"));
    print_field(story, "room", COLOUR_NONE, reply_field(call->hash, "room_url"));
    print_field(story, "error", COLOUR_NONE, reply_field(call->hash, "error"));
    print_field(story, "call back", COLOUR_NONE, reply_field(call->hash, "callback"));
    print_field(story, "calls back", COLOUR_NONE, call->webhook.callback_of);
}

static void print_webhook(const struct story *story)
{
    const struct recorded_call *call = &story->call;
    screen_print("\nwebhook\n");
    print_time(story, "  received", call->received_ms);
    print_label(story, "  entry", call->entry);
    print_label(story, "  kind", webhook_kind_name(call->webhook.kind));
    print_field(story, "  peer", COLOUR_NONE, call->webhook.peer);
    print_label(story, "  signature", signature_of(story));
    print_field(story, "  timestamp", COLOUR_NONE, call->webhook.timestamp);
    print_field(story, "  replay of", COLOUR_NONE, call->webhook.replay_of);
    print_label(story, "  flaw", call->flaw ? call->flaw : call->repairs);
    print_label(story, "  digest", digest_of(&call->webhook));
    print_field(story, "  body", COLOUR_NONE, call->webhook.body);
}

// The details of an event: `HTTP 429 in 12 ms, error: …`
static void describe(const redisReply *fields, struct bytes *out)
{
    const struct bytes_view status = reply_field(fields, "http_status");
    const struct bytes_view latency = reply_field(fields, "latency_ms");
    const struct bytes_view reason = reply_field(fields, "reason");
    const struct bytes_view error = reply_field(fields, "error");
    const struct bytes_view callback = reply_field(fields, "callback");
    if (view_number(status) > 0) {
        bytes_printf(out, "HTTP %.*s ", (int)status.len, status.data);
    }
    if (latency.len > 0) {
        bytes_printf(out, "in %.*s ms ", (int)latency.len, latency.data);
    }
    if (reply_field(fields, "late").len > 0) {
        bytes_append_text(out, "(late: others had taken the call over) ");
    }
    bytes_append_view(out, reason);
    bytes_append_text(out, reason.len > 0 && error.len > 0 ? ": " : "");
    bytes_append_view(out, error);
    if (callback.len > 0) {
        bytes_printf(out, "; is called back by %.*s", (int)callback.len, callback.data);
    }
}

static void print_event(const struct story *story, const redisReply *row)
{
    const redisReply *fields = row->element[1];
    char when[TIME_TEXT_BYTES], name[48];
    struct bytes text;
    const struct bytes_view event = reply_field(fields, "event");
    const struct bytes_view attempt = reply_field(fields, "attempt");
    bool has_number = view_equal_text(event, "attempt");
    uint64_t at_ms = view_number(reply_field(fields, "at_ms"));
    uint64_t after_ms = at_ms > story->call.received_ms ? at_ms - story->call.received_ms : 0;
    bytes_init(&text, 64 * 1024);
    time_text_print_clock(at_ms, when);
    snprintf(name, sizeof name, "%.*s%s%.*s", (int)event.len, event.data, has_number ? " " : "",
             has_number ? (int)attempt.len : 0, attempt.data);
    describe(fields, &text);
    screen_print("  %s %8.3f s  ", when, (double)after_ms / 1000);
    screen_put_text(&story->audit->screen, COLOUR_NONE, 12, name);
    screen_print(" ");
    screen_put(&story->audit->screen, COLOUR_NONE, 0, bytes_view(&text));
    screen_print("\n");
    const struct bytes_view worker = reply_field(fields, "worker");
    print_field(story, "    worker", COLOUR_FAINT, worker);
    print_field(story, "    request", COLOUR_FAINT, reply_field(fields, "request"));
    print_field(story, "    answer", COLOUR_FAINT, reply_field(fields, "response"));
    bytes_release(&text);
}

// Attempts that ended in the same way, one after the other; their latencies may differ.
static bool is_same_attempt(const redisReply *a, const redisReply *b)
{
    static const char *const NAMES[] = {"event", "http_status", "error", "late", "worker"};
    const redisReply *first = a->element[1], *second = b->element[1];
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        if (!view_equal(reply_field(first, NAMES[i]), reply_field(second, NAMES[i]))) {
            return false;
        }
    }
    return view_equal_text(reply_field(first, "event"), "attempt");
}

// How many events from this one on are attempts like it, itself included.
static size_t count_same(const struct story *story, size_t from)
{
    const redisReply *row = event_row(story->events[from]);
    size_t count = 1;
    for (size_t i = from + 1; row && i < story->event_count; i++, count++) {
        const redisReply *next = event_row(story->events[i]);
        if (!next || !is_same_attempt(row, next)) {
            break;
        }
    }
    return count;
}

// The first and the last of many equal attempts are shown whole, those between as one line.
static void print_folded(const struct story *story, size_t from, size_t count)
{
    const redisReply *first = event_row(story->events[from]);
    const redisReply *last = event_row(story->events[from + count - 1]);
    const struct bytes_view low =
        reply_field(event_row(story->events[from + 1])->element[1], "attempt");
    const struct bytes_view high =
        reply_field(event_row(story->events[from + count - 2])->element[1], "attempt");
    print_event(story, first);
    screen_print("  attempts %.*s to %.*s ended in the same way\n", (int)low.len, low.data,
                 (int)high.len, high.data);
    print_event(story, last);
}

static void print_story(const struct story *story)
{
    print_head(story);
    print_webhook(story);
    screen_print("\nevents, with the time since the webhook\n");
    for (size_t i = 0; i < story->event_count; i++) {
        const redisReply *row = event_row(story->events[i]);
        size_t same = count_same(story, i);
        if (row && same >= FOLDED_MIN) {
            print_folded(story, i, same);
            i += same - 1;
        } else if (row) {
            print_event(story, row);
        } else {
            screen_print("  (an event that is no longer kept)\n");
        }
    }
    if (story->event_count == 0) {
        screen_print("  %s\n", story->call.state == RECORDED_QUEUED ? "none yet" : "none is kept");
    }
    if (story->is_cut) {
        screen_print("  and more than %d others\n", EVENTS_MAX);
    }
}

// --- for programs -------------------------------------------------------------------------------

static void print_json(const struct story *story)
{
    const struct webhook_entry *webhook = &story->call.webhook;
    struct json_line line;
    json_line_init(&line);
    call_to_json(&story->call, database_now_ms(story->audit->database), &line);
    json_line_open(&line, "webhook", '{');
    json_line_text(&line, "peer", webhook->peer);
    json_line_text(&line, "timestamp", webhook->timestamp);
    json_line_text(&line, "signature", webhook->signature);
    json_line_text(&line, "signature_is", view_of_text(signature_of(story)));
    json_line_text(&line, "sha256", webhook->sha256);
    json_line_text(&line, "digest", view_of_text(digest_of(webhook)));
    json_line_text(&line, "body", webhook->body);
    json_line_close(&line, '}');
    json_line_open(&line, "events", '[');
    for (size_t i = 0; i < story->event_count; i++) {
        const redisReply *row = event_row(story->events[i]);
        if (row) {
            json_line_open_element(&line);
            event_to_json(row, &line);
            json_line_close(&line, '}');
        }
    }
    json_line_close(&line, ']');
    screen_json(&line, stdout);
    json_line_release(&line);
}

enum exit_code show_run(struct audit *audit)
{
    struct story story = {.audit = audit};
    redisReply *row = NULL, *hash = NULL;
    const char *call_id = audit->options->argument;
    if (!record_find(audit->database, call_id, &story.call, &row, &hash)) {
        if (!database_is_lost(audit->database)) {
            screen_complain("%s is not known under %s: never recorded there, or no "
                            "longer kept",
                            call_id, database_prefix(audit->database));
        }
        return EXIT_NOT_DONE;
    }
    bool is_read = read_events(&story);
    if (is_read && audit->options->json) {
        print_json(&story);
    } else if (is_read) {
        print_story(&story);
    }
    for (size_t i = 0; i < story.event_count; i++) {
        freeReplyObject(story.events[i]);
    }
    freeReplyObject(row);
    freeReplyObject(hash);
    return is_read ? EXIT_DONE : EXIT_NOT_DONE;
}
