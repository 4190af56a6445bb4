// dialin-audit show: one call's whole story, in the order in which it happened. The call's hash
// names its events, so that nobody has to look for them among all others.
#include "call_json.h"
#include "command.h"
#include "json_line.h"
#include "time_text.h"
#include "record_prefix.h"
#include "record_walk.h"
#include "state_colour.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LABEL_COLUMNS 12
#define FOLDED_MIN 4 // equal attempts in a row
#define EVENT_COLUMNS 15
#define EVENTS_MAX 4096 // of one call; more are said to be left out

struct story {
    struct audit *audit;
    struct recorded_call call;
    redisReply *events[EVENTS_MAX]; // each a list of one row, oldest first
    size_t event_count;
    bool is_cut;
    struct bytes_view worker; // of the event printed last: it is not repeated
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

// Webhooks, requests and answers are long: a terminal shows their first line, unless --full.
static void print_long(const struct story *story, const char *label, enum colour colour,
                       struct bytes_view text)
{
    if (story->audit->options->full) {
        print_field(story, label, colour, text);
    } else if (text.len > 0) {
        screen_put_text(&story->audit->screen, COLOUR_FAINT, LABEL_COLUMNS, label);
        screen_print(" ");
        screen_put_cut(&story->audit->screen, colour, text);
        screen_print("\n");
    }
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

static void on_dialled(const char *number, void *story)
{
    print_label(story, "calls", number);
}

// The last attempt that had an answer, or why it had none.
static void print_last_answer(const struct story *story)
{
    for (size_t i = story->event_count; i > 0; i--) {
        const redisReply *row = event_row(story->events[i - 1]);
        const redisReply *fields = row ? row->element[1] : NULL;
        if (fields && view_equal_text(reply_field(fields, "event"), "attempt")) {
            struct bytes text;
            const struct bytes_view number = reply_field(fields, "attempt");
            bytes_init(&text, 64 * 1024);
            bytes_printf(&text, "attempt %.*s: ", (int)number.len, number.data);
            describe(fields, &text);
            if (reply_field(fields, "response").len > 0) {
                bytes_append_text(&text, ": ");
                bytes_append_view(&text, reply_field(fields, "response"));
            }
            print_long(story, "last answer", COLOUR_NONE, bytes_view(&text));
            bytes_release(&text);
            return;
        }
    }
}

static void print_head(struct story *story)
{
    const struct recorded_call *call = &story->call;
    char state[128], waited[TIME_TEXT_BYTES];
    snprintf(state, sizeof state, "%s%s%.64s", recorded_state_name(call->state),
             call->reason[0] ? ", " : "", call->reason);
    time_text_print_span(recorded_call_waited_ms(call, database_now_ms(story->audit->database)),
                         waited);
    print_label(story, "call", call->call_id);
    print_field(story, "state", colour_of_state(call->state), view_of_text(state));
    if (call->webhook.kind == WEBHOOK_DIALOUT) {
        recorded_call_dials(call, on_dialled, story);
    }
    if (call->webhook.kind != WEBHOOK_DIALOUT || call->from[0]) {
        print_label(story, "from", call->from[0] ? call->from : "unknown");
        print_label(story, "to", call->to[0] ? call->to : "unknown");
    }
    print_label(story, "waited", waited);
    print_label(story, "agent", call->agent);
    print_label(story, "route", call->route);
    print_field(story, "session", COLOUR_NONE, reply_field(call->hash, "session_id"));
    print_field(story, "room", COLOUR_NONE, reply_field(call->hash, "room_url"));
    print_last_answer(story);
    print_field(story, "error", COLOUR_NONE, reply_field(call->hash, "error"));
    print_field(story, "verdict", COLOUR_NONE, reply_field(call->hash, "verdict"));
    print_field(story, "talked, s", COLOUR_NONE, reply_field(call->hash, "talked_s"));
    print_field(story, "call back", COLOUR_NONE, reply_field(call->hash, "callback"));
    print_field(story, "calls back", COLOUR_NONE, call->webhook.callback_of);
}

static void print_webhook(const struct story *story)
{
    const struct recorded_call *call = &story->call;
    screen_print("\nwebhook\n");
    print_time(story, "  received", call->received_ms);
    screen_put_text(&story->audit->screen, COLOUR_FAINT, LABEL_COLUMNS, "  entry");
    screen_print(" %s\n", call->entry); // not hidden: it is no number of a caller's
    if (story->audit->options->full || call->webhook.kind != WEBHOOK_DIALIN) {
        print_label(story, "  kind", webhook_kind_name(call->webhook.kind));
    }
    print_field(story, "  peer", COLOUR_NONE, call->webhook.peer);
    print_label(story, "  signature", signature_of(story));
    if (story->audit->options->full && view_number(call->webhook.timestamp) > 0) {
        screen_put_text(&story->audit->screen, COLOUR_FAINT, LABEL_COLUMNS, "  timestamp");
        screen_print(" %" PRIu64 "\n", view_number(call->webhook.timestamp));
    }
    print_field(story, "  replay of", COLOUR_NONE, call->webhook.replay_of);
    print_label(story, "  flaw", call->flaw ? call->flaw : call->repairs);
    if (story->audit->options->full || !webhook_entry_is_whole(&call->webhook)) {
        print_label(story, "  digest", digest_of(&call->webhook));
    }
    print_long(story, "  body", COLOUR_NONE, call->webhook.body);
}

static void print_event(struct story *story, const redisReply *row)
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
    screen_put_text(&story->audit->screen, COLOUR_NONE, EVENT_COLUMNS, name);
    screen_print(" ");
    screen_put(&story->audit->screen, COLOUR_NONE, 0, bytes_view(&text));
    screen_print("\n");
    const struct bytes_view worker = reply_field(fields, "worker");
    if (!view_equal(worker, story->worker)) {
        print_field(story, "    worker", COLOUR_FAINT, worker);
        story->worker = worker;
    }
    print_long(story, "    request", COLOUR_FAINT, reply_field(fields, "request"));
    print_long(story, "    answer", COLOUR_FAINT, reply_field(fields, "response"));
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

// Of many equal attempts the last is shown whole, those before as one line.
static void print_folded(struct story *story, size_t from, size_t count)
{
    const redisReply *last = event_row(story->events[from + count - 1]);
    const struct bytes_view low =
        reply_field(event_row(story->events[from])->element[1], "attempt");
    const struct bytes_view high =
        reply_field(event_row(story->events[from + count - 2])->element[1], "attempt");
    screen_put_text(&story->audit->screen, COLOUR_NONE, 0, "  attempts ");
    screen_put(&story->audit->screen, COLOUR_NONE, 0, low);
    screen_print(" to ");
    screen_put(&story->audit->screen, COLOUR_NONE, 0, high);
    screen_print(" ended as the next one did\n");
    print_event(story, last);
}

static void print_story(struct story *story)
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

static void complain_of_none(const struct audit *audit, const struct record_prefix *found)
{
    screen_complain("%s is not known under %s: never recorded there, or no longer kept%s",
                    audit->options->argument, database_prefix(audit->database),
                    found->is_whole ? "" : " (of the newest calls none begins so)");
}

static void complain_of_several(const struct audit *audit, const struct record_prefix *found)
{
    screen_complain("%s is ambiguous, %s calls begin so:", audit->options->argument,
                    found->count == RECORD_PREFIX_NAMES_MAX ? "many" : "these");
    for (size_t i = 0; i < found->count; i++) {
        screen_complain("  %s", found->names[i]);
    }
}

// The one call whose id begins as the argument does. Programs name a call by its whole id: a
// beginning that names one call today may name two tomorrow.
static bool find_by_prefix(struct story *story, redisReply **row, redisReply **hash)
{
    struct audit *audit = story->audit;
    struct record_prefix found = {.is_whole = true};
    if (!audit->options->json &&
        !record_prefix_find(audit->database, audit->options->argument, &found)) {
        return false;
    }
    if (found.count > 1) {
        complain_of_several(audit, &found);
    } else if (found.count == 0) {
        complain_of_none(audit, &found);
    }
    return found.count == 1 &&
           record_find(audit->database, found.names[0], &story->call, row, hash);
}

enum exit_code show_run(struct audit *audit)
{
    struct story story = {.audit = audit};
    redisReply *row = NULL, *hash = NULL;
    if (!record_find(audit->database, audit->options->argument, &story.call, &row, &hash) &&
        (database_is_lost(audit->database) || !find_by_prefix(&story, &row, &hash))) {
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
