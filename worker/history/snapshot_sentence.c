// How the queue is, in one sentence for people: see snapshot_sentence in snapshot.h.
#include "snapshot.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define UNREAD_LONG_MS 5000 // workers read within milliseconds

struct sentence {
    char *text;
    size_t size, len;
    enum snapshot_level level;
};

__attribute__((format(printf, 3, 4))) static void
put(struct sentence *sentence, enum snapshot_level level, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len =
        vsnprintf(sentence->text + sentence->len, sentence->size - sentence->len, format, args);
    va_end(args);
    if (len > 0) {
        size_t end = sentence->len + (size_t)len;
        sentence->len = end < sentence->size ? end : sentence->size - 1;
    }
    sentence->level = level > sentence->level ? level : sentence->level;
}

static void put_workers(struct sentence *sentence, const struct snapshot *snapshot)
{
    if (snapshot->workers == 0 && snapshot->unread > 0) {
        put(sentence, SNAPSHOT_BAD, "No worker runs: nobody serves the %" PRId64 " new %s. ",
            snapshot->unread, snapshot->unread == 1 ? "call" : "calls");
    } else if (snapshot->workers == 0) {
        put(sentence, SNAPSHOT_BAD, "No worker runs. ");
    } else if (snapshot->unread_ms > UNREAD_LONG_MS && snapshot->unread != 0) {
        put(sentence, SNAPSHOT_BAD,
            "The workers are too slow: the oldest new call has not been read for %" PRIu64 " s. ",
            snapshot->unread_ms / 1000);
    }
}

// An agent's name is from the configuration.
static void put_agent(struct sentence *sentence, const struct snapshot_agent *agent)
{
    if (agent->state == SNAPSHOT_REJECTING) {
        put(sentence, SNAPSHOT_BAD, "Agent %.100s rejects our configuration (HTTP %u). ",
            agent->name, agent->http_status);
    } else if (agent->state == SNAPSHOT_FAILING && agent->http_status > 0) {
        put(sentence, SNAPSHOT_BAD, "Agent %.100s fails (HTTP %u). ", agent->name,
            agent->http_status);
    } else if (agent->state == SNAPSHOT_FAILING) {
        put(sentence, SNAPSHOT_BAD, "Agent %.100s cannot be reached. ", agent->name);
    } else if (agent->state == SNAPSHOT_PAUSED) {
        put(sentence, SNAPSHOT_BAD, "Agent %.100s is paused. ", agent->name);
    }
}

static void put_account(struct sentence *sentence, const struct snapshot *snapshot)
{
    if (snapshot->difference != 0) {
        put(sentence, SNAPSHOT_BAD, "The account does not add up: it is off by %" PRId64 ". ",
            snapshot->difference);
    }
}

// A bot that ignores its caller looks like a success everywhere else.
static void put_conversations(struct sentence *sentence, const struct snapshot *snapshot)
{
    uint64_t count = snapshot->span.conversations.never_connected;
    if (count > 0) {
        put(sentence, SNAPSHOT_BAD, "%" PRIu64 " %s never reached %s of late. ", count,
            count == 1 ? "caller" : "callers", count == 1 ? "its bot" : "their bots");
    }
}

static void add_callers(struct snapshot_summary *summary, const struct snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->agent_count; i++) {
        const struct snapshot_agent *agent = &snapshot->agents[i];
        summary->callers += agent->callers;
        summary->lost += agent->lost;
        if (agent->callers > 0 && agent->has_rate) {
            summary->rate += (double)agent->starts * 1000 / (double)agent->starts_ms;
        } else {
            summary->unknown += agent->callers;
        }
    }
}

static void put_callers(struct sentence *sentence, const struct snapshot_summary *all)
{
    if (all->callers == 0 && all->dialouts > 0) {
        put(sentence, SNAPSHOT_GOOD, "Nobody is on hold.");
        return;
    }
    if (all->callers == 0) {
        put(sentence, SNAPSHOT_GOOD, all->added > 0 ? "Nobody waits." : "No call yet.");
        return;
    }
    put(sentence, SNAPSHOT_BUSY, "%" PRIu64 " %s; ", all->callers,
        all->callers == 1 ? "caller waits" : "callers wait");
    if (all->unknown == all->callers) {
        put(sentence, SNAPSHOT_BUSY,
            "no call was started in the last 30 s, so it is unknown who will be served.");
    } else if (all->lost > 0) {
        put(sentence, SNAPSHOT_BAD,
            "at %.1f starts a second, about %" PRIu64 " of them will be lost.", all->rate,
            all->lost);
    } else if (all->unknown > 0) {
        put(sentence, SNAPSHOT_BUSY,
            "at %.1f starts a second, all but perhaps %" PRIu64 " will be served in time.",
            all->rate, all->unknown);
    } else {
        put(sentence, SNAPSHOT_BUSY, "at %.1f starts a second, all will be served in time.",
            all->rate);
    }
}

// Whom these reach is not on hold, and loses nothing by waiting.
static void put_dialouts(struct sentence *sentence, const struct snapshot_summary *all)
{
    if (all->dialouts > 0) {
        put(sentence, SNAPSHOT_GOOD, " %" PRIu64 " %s.", all->dialouts,
            all->dialouts == 1 ? "call back or dial-out waits" : "call backs and dial-outs wait");
    }
}

void snapshot_summarise(const struct snapshot *snapshot, struct snapshot_summary *summary)
{
    *summary = (struct snapshot_summary){.added = snapshot->added, .dialouts = snapshot->dialouts};
    struct sentence problems = {
        .text = summary->problems, .size = sizeof summary->problems, .level = SNAPSHOT_GOOD};
    put_workers(&problems, snapshot);
    for (size_t i = 0; i < snapshot->agent_count; i++) {
        put_agent(&problems, &snapshot->agents[i]);
    }
    put_account(&problems, snapshot);
    put_conversations(&problems, snapshot);
    summary->level = problems.level;
    add_callers(summary, snapshot);
}

void snapshot_summary_add(struct snapshot_summary *all, const struct snapshot_summary *one,
                          const char *name)
{
    struct sentence problems = {.text = all->problems,
                                .size = sizeof all->problems,
                                .len = strlen(all->problems),
                                .level = all->level};
    if (one->problems[0]) {
        put(&problems, one->level, "%s: %s", name, one->problems);
    }
    all->level = problems.level;
    all->added += one->added;
    all->callers += one->callers;
    all->dialouts += one->dialouts;
    all->lost += one->lost;
    all->unknown += one->unknown;
    all->rate += one->rate;
}

enum snapshot_level snapshot_summary_sentence(const struct snapshot_summary *summary,
                                              char text[SNAPSHOT_SENTENCE_BYTES])
{
    struct sentence sentence = {
        .text = text, .size = SNAPSHOT_SENTENCE_BYTES, .level = summary->level};
    text[0] = '\0';
    put(&sentence, summary->level, "%s", summary->problems);
    put_callers(&sentence, summary);
    put_dialouts(&sentence, summary);
    return sentence.level;
}

enum snapshot_level snapshot_sentence(const struct snapshot *snapshot,
                                      char text[SNAPSHOT_SENTENCE_BYTES])
{
    struct snapshot_summary summary;
    snapshot_summarise(snapshot, &summary);
    return snapshot_summary_sentence(&summary, text);
}

const char *snapshot_level_name(enum snapshot_level level)
{
    static const char *const NAMES[] = {
        [SNAPSHOT_GOOD] = "good",
        [SNAPSHOT_BUSY] = "busy",
        [SNAPSHOT_BAD] = "bad",
    };
    return NAMES[level];
}
