// dialin-audit forget: erases what is kept of a person's number. It looks at every recorded
// webhook, not at the index only, for a number may also stand in a dial-out or in a SIP header.
#include "audit_script.h"
#include "command.h"
#include "interrupt.h"
#include "progress.h"
#include "record_walk.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define DIGITS_MIN 5 // fewer are no number that could be looked for in a text

struct forgotten {
    struct audit *audit;
    const char *number;
    struct bytes_view digits; // of it; empty: it is a SIP address or a word
    struct progress progress;
    uint64_t seen, total;
    uint64_t calls, webhooks, events, letters;
    uint64_t unfinished, rang_it;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

// Do these digits occur in the text, and are they not a part of a longer number?
static bool occurs(struct bytes_view digits, struct bytes_view text)
{
    for (const char *at = text.data, *end = text.data + text.len;
         digits.len > 0 && (at = memmem(at, (size_t)(end - at), digits.data, digits.len)); at++) {
        const char *behind = at + digits.len;
        if ((at == text.data || !is_digit(at[-1])) && (behind == end || !is_digit(*behind))) {
            return true;
        }
    }
    return false;
}

// The number that was rung is one's own, not a person's.
static bool is_of_person(struct forgotten *forgotten, const struct recorded_call *call)
{
    const char *number = forgotten->number;
    bool is_caller =
        !strcmp(call->from, number) || occurs(forgotten->digits, view_of_text(call->from));
    bool is_called = !strcmp(call->to, number) || occurs(forgotten->digits, view_of_text(call->to));
    if (call->webhook.kind == WEBHOOK_DIALIN && is_called && !is_caller) {
        forgotten->rang_it++;
        return false;
    }
    return is_caller || is_called || occurs(forgotten->digits, call->webhook.body);
}

static bool erase(struct forgotten *forgotten, const struct recorded_call *call)
{
    struct database *database = forgotten->audit->database;
    const struct bytes_view argv[] = {VIEW("EVAL"),
                                      audit_script_forget(),
                                      VIEW("5"),
                                      database_key(database, "webhooks", ""),
                                      database_key(database, "audit", ""),
                                      database_key(database, "dead", ""),
                                      database_key(database, "call:", call->call_id),
                                      database_key(database, "replays", ""),
                                      view_of_text(call->entry),
                                      view_of_text(call->call_id),
                                      view_of_text(forgotten->number)};
    redisReply *reply =
        database_run(database, audit_script_forget(), sizeof argv / sizeof argv[0], argv);
    if (reply && reply->elements == 3) {
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
    progress_show(&forgotten->progress, "forget", forgotten->seen++, forgotten->total);
    return !is_of_person(forgotten, call) || erase(forgotten, call);
}

static void say(const struct forgotten *forgotten, bool is_whole)
{
    printf("%s: erased %" PRIu64 " calls: %" PRIu64 " webhooks, %" PRIu64 " events, %" PRIu64
           " dead letters\n",
           forgotten->number, forgotten->calls, forgotten->webhooks, forgotten->events,
           forgotten->letters);
    if (forgotten->unfinished > 0) {
        fprintf(stderr,
                "dialin-audit: %" PRIu64 " calls are still in work and were left: run this "
                "again when they have ended\n",
                forgotten->unfinished);
    }
    if (forgotten->rang_it > 0) {
        fprintf(stderr,
                "dialin-audit: %" PRIu64 " others rang this number: it is one of yours, "
                "they were left\n",
                forgotten->rang_it);
    }
    if (!is_whole) {
        fprintf(stderr, "dialin-audit: not all webhooks were looked at\n");
    }
}

enum exit_code forget_run(struct audit *audit)
{
    const char *number = audit->options->argument;
    const char *digits = number + (number[0] == '+' ? 1 : 0);
    struct forgotten forgotten = {.audit = audit, .number = number};
    struct stream_state stream;
    const struct selection every = {.until_ms = UINT64_MAX, .with_duplicates = true};
    if (strspn(digits, "0123456789") == strlen(digits) && strlen(digits) >= DIGITS_MIN) {
        forgotten.digits = view_of_text(digits);
    }
    if (!stream_state_read(audit->database, &stream)) {
        return EXIT_NOT_DONE;
    }
    forgotten.total = stream.length;
    progress_init(&forgotten.progress, false);
    // Newest first: a duplicate goes before the call whose hash knows its event.
    bool is_whole = record_walk(audit->database, &every, NEWEST_FIRST, on_call, &forgotten) &&
                    !database_is_lost(audit->database);
    progress_clear(&forgotten.progress);
    say(&forgotten, is_whole);
    return is_whole && forgotten.unfinished == 0 ? EXIT_DONE : EXIT_NOT_DONE;
}
