// dialin-audit forget: erases everything that is kept of a person's number, in any spelling. It
// looks at every recorded webhook, not at the index only, for a number may also stand in a dial-out
// or in a SIP header. Without --yes it goes the same way and prints the things it would erase.
#include "audit_script.h"
#include "command.h"
#include "interrupt.h"
#include "json_line.h"
#include "phone_number.h"
#include "progress.h"
#include "record_walk.h"
#include "time_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define DIGITS_MIN 5 // fewer could not be found in a text without false hits

// 14 + 36 + 24 and 2 spaces.
static const struct screen_column COLUMNS[] = {{"RANG", 14}, {"CALL", 36}, {"NUMBER IS", 24}};
enum { RANG, CALL, ROLE, COLUMN_COUNT };

struct forgotten {
    struct audit *audit;
    struct phone_number number;
    struct progress progress;
    struct json_line line;
    uint64_t seen, total;
    uint64_t calls, webhooks, events, letters, refused, daily_events;
    uint64_t unfinished, rang_it;
    uint64_t shown;
};

// The role of the number in a call.
struct role {
    bool is_caller, is_called, is_mentioned;
};

static bool is_or_has(const struct forgotten *forgotten, const char *text)
{
    struct phone_number found;
    phone_number_read(&found, view_of_text(text));
    bool is_long = strlen(forgotten->number.digits) >= DIGITS_MIN || forgotten->number.is_address;
    return phone_number_equal(&forgotten->number, &found) ||
           (is_long && phone_number_occurs(&forgotten->number, view_of_text(text)));
}

static bool occurs(const struct forgotten *forgotten, struct bytes_view text)
{
    bool is_long = strlen(forgotten->number.digits) >= DIGITS_MIN || !forgotten->number.digits[0];
    return is_long && phone_number_occurs(&forgotten->number, text);
}

// The number that was rung is one's own, not a person's.
static bool find_role(struct forgotten *forgotten, const struct recorded_call *call,
                      struct role *role)
{
    role->is_caller = is_or_has(forgotten, call->from);
    role->is_called = is_or_has(forgotten, call->to);
    role->is_mentioned = false;
    if (call->webhook.kind != WEBHOOK_DIALOUT && role->is_called && !role->is_caller) {
        forgotten->rang_it++;
        return false;
    }
    role->is_mentioned = occurs(forgotten, call->webhook.body);
    return role->is_caller || role->is_called || role->is_mentioned;
}

// --- the plan -----------------------------------------------------------------------------------

static void show_row(struct forgotten *forgotten, uint64_t ms, const char *call_id,
                     const char *role)
{
    struct audit *audit = forgotten->audit;
    char rang[TIME_TEXT_BYTES];
    if (audit->options->json) {
        json_line_text(&forgotten->line, "call_id", view_of_text(call_id));
        json_line_number(&forgotten->line, "received_ms", ms);
        json_line_text(&forgotten->line, "number_is", view_of_text(role));
        screen_json(&forgotten->line, stdout);
        return;
    }
    time_text_print_short(ms, rang);
    const char *const cells[COLUMN_COUNT] = {[RANG] = rang, [CALL] = call_id, [ROLE] = role};
    progress_clear(&forgotten->progress);
    if (forgotten->shown++ == 0) {
        screen_head(&audit->screen, COLUMNS, COLUMN_COUNT);
    }
    screen_row(&audit->screen, COLUMNS, COLUMN_COUNT, cells, COLOUR_NONE, ROLE);
}

static void plan(struct forgotten *forgotten, const struct recorded_call *call,
                 const struct role *role)
{
    bool is_finished = call->state == RECORDED_STARTED || call->state == RECORDED_DEAD ||
                       call->state == RECORDED_DUPLICATE || call->state == RECORDED_UNKNOWN;
    if (!is_finished) {
        forgotten->unfinished++;
        return;
    }
    forgotten->calls += call->state == RECORDED_DUPLICATE ? 0 : 1;
    forgotten->webhooks++;
    show_row(forgotten, call->received_ms, call->call_id,
             role->is_caller                         ? "the caller's"
             : role->is_called                       ? "the called one"
             : call->webhook.kind == WEBHOOK_DIALOUT ? "in the dial-out"
                                                     : "in the webhook");
}

// --- erasing ------------------------------------------------------------------------------------

static bool erase(struct forgotten *forgotten, const struct recorded_call *call,
                  const struct role *role)
{
    struct database *database = forgotten->audit->database;
    const struct bytes_view argv[] = {VIEW("EVAL"),
                                      audit_script_forget(),
                                      VIEW(REDIS_SCRIPT_KEYS),
                                      database_key(database, REDIS_KEY_WEBHOOKS, ""),
                                      database_key(database, REDIS_KEY_NEVER, ""),
                                      view_of_text(call->entry),
                                      view_of_text(call->call_id),
                                      view_of_text(role->is_caller ? call->from : ""),
                                      view_of_text(role->is_called ? call->to : ""),
                                      view_of_text(forgotten->number.digits[0]
                                                       ? forgotten->number.digits
                                                       : forgotten->number.address)};
    redisReply *reply =
        database_run(database, audit_script_forget(), sizeof argv / sizeof argv[0], argv);
    if (reply_has_shape(reply, "(nnn)")) {
        forgotten->calls += call->state == RECORDED_DUPLICATE ? 0 : 1;
        forgotten->webhooks += (uint64_t)reply->element[0]->integer;
        forgotten->events += (uint64_t)reply->element[1]->integer;
        forgotten->letters += (uint64_t)reply->element[2]->integer;
    } else if (reply) {
        forgotten->unfinished++;
    }
    freeReplyObject(reply);
    return reply;
}

static bool on_call(const struct recorded_call *call, void *arg)
{
    struct forgotten *forgotten = arg;
    struct role role;
    progress_show(&forgotten->progress, "forget", forgotten->seen++, forgotten->total);
    if (!find_role(forgotten, call, &role)) {
        return true;
    }
    if (forgotten->audit->options->yes) {
        return erase(forgotten, call, &role);
    }
    plan(forgotten, call, &role);
    return !screen_is_gone();
}

// --- streams whose entries are no calls'
// -----------------------------------------------------------

// Webhooks that were refused, and Daily's events: each body is looked through.
struct other_stream {
    enum redis_key key;
    const char *name, *number_is; // for the plan
    uint64_t *count;
};

static bool forget_page(struct forgotten *forgotten, const struct other_stream *stream,
                        const redisReply *rows)
{
    struct database *database = forgotten->audit->database;
    struct bytes_view argv[2 + DATABASE_PAGE] = {VIEW("XDEL"),
                                                 database_key(database, stream->key, "")};
    size_t argc = 2;
    for (size_t i = 0; i < rows->elements; i++) {
        const redisReply *row = rows->element[i];
        if (!occurs(forgotten, reply_field(row->element[1], "body"))) {
            continue;
        }
        argv[argc++] = reply_view(row->element[0]);
        if (!forgotten->audit->options->yes) {
            show_row(forgotten, entry_id_of(row->element[0]->str).ms, stream->name,
                     stream->number_is);
        }
    }
    *stream->count += argc - 2;
    if (!forgotten->audit->options->yes || argc == 2) {
        return true;
    }
    redisReply *reply = database_ask(database, argc, argv);
    freeReplyObject(reply);
    return reply;
}

static bool forget_stream(struct forgotten *forgotten, const struct other_stream *stream)
{
    struct database *database = forgotten->audit->database;
    struct entry_id from = {0, 0};
    const struct entry_id to = {UINT64_MAX, UINT64_MAX};
    bool has_more = true, is_good = true;
    while (has_more && is_good) {
        redisReply *rows = database_page(database, stream->key, from, to, OLDEST_FIRST);
        is_good = reply_is_list(rows) && !interrupt_came() && forget_page(forgotten, stream, rows);
        has_more = is_good && rows->elements == DATABASE_PAGE;
        if (has_more) {
            from = entry_id_after(entry_id_of(rows->element[DATABASE_PAGE - 1]->element[0]->str));
        }
        freeReplyObject(rows);
    }
    return is_good;
}

static bool forget_others(struct forgotten *forgotten)
{
    const struct other_stream refused = {REDIS_KEY_REFUSED, "(refused)", "in the refused webhook",
                                         &forgotten->refused};
    const struct other_stream daily = {REDIS_KEY_DAILY, "(event)", "in Daily's event",
                                       &forgotten->daily_events};
    return forget_stream(forgotten, &refused) && forget_stream(forgotten, &daily);
}

// --- the whole ----------------------------------------------------------------------------------

static void report_json(struct forgotten *forgotten)
{
    struct json_line *line = &forgotten->line;
    json_line_text(line, "number", view_of_text(forgotten->audit->options->argument));
    json_line_flag(line, "erased", forgotten->audit->options->yes);
    json_line_number(line, "calls", forgotten->calls);
    json_line_number(line, "webhooks", forgotten->webhooks);
    json_line_number(line, "events", forgotten->events);
    json_line_number(line, "dead_letters", forgotten->letters);
    json_line_number(line, "refused", forgotten->refused);
    json_line_number(line, "daily_events", forgotten->daily_events);
    json_line_number(line, "unfinished", forgotten->unfinished);
    screen_json(line, stdout);
}

static void report(const struct forgotten *forgotten)
{
    const char *number = forgotten->audit->options->argument;
    if (forgotten->audit->options->yes) {
        screen_print("%s: erased %" PRIu64 " calls: %" PRIu64 " webhooks, %" PRIu64
                     " events, %" PRIu64 " dead letters, %" PRIu64 " refused webhooks, %" PRIu64
                     " of Daily's events\n",
                     number, forgotten->calls, forgotten->webhooks, forgotten->events,
                     forgotten->letters, forgotten->refused, forgotten->daily_events);
    } else {
        screen_print("%s: would erase %" PRIu64 " calls: %" PRIu64
                     " webhooks with their events, %" PRIu64 " refused webhooks, %" PRIu64
                     " of Daily's events; --yes does it\n",
                     number, forgotten->calls, forgotten->webhooks, forgotten->refused,
                     forgotten->daily_events);
    }
}

static void report_rest(const struct forgotten *forgotten, bool is_whole)
{
    if (forgotten->unfinished > 0) {
        screen_complain("%" PRIu64 " calls are still in work and were left: run this "
                        "again when they have ended",
                        forgotten->unfinished);
    }
    if (forgotten->rang_it > 0) {
        screen_complain("%" PRIu64 " others rang this number: it is one of yours, "
                        "they were left",
                        forgotten->rang_it);
    }
    if (!is_whole) {
        screen_complain("not all webhooks were looked at");
    }
}

enum exit_code forget_run(struct audit *audit)
{
    struct forgotten forgotten = {.audit = audit};
    static const char *const WANTED[] = {"from", "to", NULL};
    struct stream_state stream;
    const struct selection every = {.until_ms = UINT64_MAX, .with_duplicates = true};
    // options.c has refused anything but a number or an address.
    phone_number_read(&forgotten.number, view_of_text(audit->options->argument));
    if (!stream_state_read(audit->database, &stream)) {
        return EXIT_NOT_DONE;
    }
    forgotten.total = stream.length;
    progress_init(&forgotten.progress, false);
    json_line_init(&forgotten.line);
    // Newest first: a duplicate goes before the call whose hash knows its event.
    bool is_whole =
        record_walk(audit->database, &every, NEWEST_FIRST, WANTED, on_call, &forgotten) &&
        !database_is_lost(audit->database) && !screen_is_gone();
    // One's own number stands in every webhook that was refused.
    is_whole = is_whole && (forgotten.rang_it > 0 || forget_others(&forgotten));
    progress_clear(&forgotten.progress);
    if (audit->options->json) {
        report_json(&forgotten);
    } else {
        report(&forgotten);
    }
    report_rest(&forgotten, is_whole);
    json_line_release(&forgotten.line);
    bool is_done = is_whole && (forgotten.unfinished == 0 || !audit->options->yes);
    return is_done ? EXIT_DONE : EXIT_NOT_DONE;
}
