// dialin-audit stats: the account in one consistent step, the calls that wait now, and the outcomes
// and waiting times of the calls that are kept.
#include "command.h"
#include "conversations.h"
#include "json_line.h"
#include "time_text.h"
#include "record_walk.h"
#include "script_text.h"
#include "stats_by.h"
#include "wait_histogram.h"
#include "waited.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define REASONS_MAX 16
#define LABEL_COLUMNS 12
#define ANSWERED_S 20

// As worker/stream/account.lua answers them.
enum { ADDED, STARTED, DEAD, DUPLICATE, UNFINISHED, IN_LINE, ANSWERS = 9 };

struct reason {
    char name[32];
    uint64_t count;
};

struct stats {
    struct audit *audit;
    int64_t account[ANSWERS];
    struct reason reasons[REASONS_MAX];
    size_t reason_count;
    struct entry_id oldest; // that nobody has finished; 0-0: all are finished
    uint64_t oldest_waited_ms;
    uint64_t kept[RECORDED_STATE_COUNT];
    struct wait_histogram waits;
    struct waited waited; // since the stream was made
    uint64_t lost, abandoned;
    uint64_t callbacks, callbacks_dead, callbacks_served;
    struct conversations conversations;
};

// --- the account --------------------------------------------------------------------------------

static void take_reasons(struct stats *stats, const redisReply *counts)
{
    static const char NAME[] = "dead:";
    for (size_t i = 0; i + 1 < counts->elements; i += 2) {
        const char *name = counts->element[i]->str;
        if (!strncmp(name, NAME, sizeof NAME - 1) && stats->reason_count < REASONS_MAX) {
            struct reason *reason = &stats->reasons[stats->reason_count++];
            snprintf(reason->name, sizeof reason->name, "%s", name + sizeof NAME - 1);
            reason->count = view_number(reply_view(counts->element[i + 1]));
        }
    }
}

static void take_figures(struct stats *stats, const redisReply *counts)
{
    static const char *const LOST[] = {"dead:expired", "dead:unknown", "dead:rejected",
                                       "dead:invalid"};
    waited_read(&stats->waited, counts);
    conversations_read(&stats->conversations, counts);
    stats->callbacks = view_number(reply_field(counts, "callbacks"));
    stats->callbacks_dead = view_number(reply_field(counts, "dead:callback"));
    stats->callbacks_served = view_number(reply_field(counts, "dead:served"));
    stats->abandoned = view_number(reply_field(counts, "dead:abandoned"));
    for (size_t i = 0; i < sizeof LOST / sizeof LOST[0]; i++) {
        stats->lost += view_number(reply_field(counts, LOST[i]));
    }
}

static bool take_account(struct stats *stats, const redisReply *answers)
{
    if (!reply_has_shape(answers, "((nnnniisis)<s>)")) {
        const redisReply *error = reply_at(answers, 0, REDIS_REPLY_ERROR);
        bool is_said = error != NULL;
        screen_complain("Redis did not read the account%s%s", is_said ? ": " : "",
                        is_said ? error->str : "");
        return false;
    }
    for (size_t i = 0; i <= IN_LINE; i++) {
        stats->account[i] = answers->element[0]->element[i]->integer;
    }
    take_reasons(stats, answers->element[1]);
    take_figures(stats, answers->element[1]);
    return true;
}

// The script and the reasons' counters in one transaction.
static bool read_account(struct stats *stats)
{
    struct database *database = stats->audit->database;
    const struct bytes_view webhooks = database_key(database, REDIS_KEY_WEBHOOKS, "");
    const struct bytes_view never = database_key(database, REDIS_KEY_NEVER, "");
    const struct bytes_view counts = database_key(database, REDIS_KEY_COUNTS, "");
    const struct bytes_view begin[] = {VIEW("MULTI")}, end[] = {VIEW("EXEC")};
    const struct bytes_view script[] = {
        VIEW("EVAL_RO"), script_text(SCRIPT_ACCOUNT), VIEW(REDIS_SCRIPT_KEYS), webhooks, never,
        VIEW("")};
    const struct bytes_view reasons[] = {VIEW("HGETALL"), counts};
    database_send(database, 1, begin);
    database_send(database, 6, script);
    database_send(database, 2, reasons);
    database_send(database, 1, end);
    redisReply *answers = database_skip(database, 3) ? database_receive(database) : NULL;
    bool is_good = answers && take_account(stats, answers);
    freeReplyObject(answers);
    return is_good;
}

static int64_t difference(const struct stats *stats)
{
    const int64_t *account = stats->account;
    return account[ADDED] - account[STARTED] - account[DEAD] - account[DUPLICATE] -
           account[UNFINISHED];
}

static bool is_known(const struct stats *stats)
{
    return stats->account[UNFINISHED] >= 0;
}

// --- the kept calls -----------------------------------------------------------------------------

static bool on_call(const struct recorded_call *call, void *arg)
{
    struct stats *stats = arg;
    stats->kept[call->state]++;
    if (call->webhook.callback_of.len > 0) {
        return true; // nobody holds
    }
    if (call->state == RECORDED_STARTED) {
        wait_histogram_add(&stats->waits, recorded_call_waited_ms(call, 0));
    }
    bool is_waiting = call->state == RECORDED_QUEUED || call->state == RECORDED_STARTING ||
                      call->state == RECORDED_WAITING;
    if (is_waiting) {
        uint64_t waited_ms = recorded_call_waited_ms(call, database_now_ms(stats->audit->database));
        if (waited_ms >= stats->oldest_waited_ms) {
            stats->oldest_waited_ms = waited_ms;
            stats->oldest = call->id;
        }
    }
    return true;
}

// --- printing -----------------------------------------------------------------------------------

static void print_count(const struct stats *stats, const char *label, int64_t count)
{
    screen_print("  ");
    screen_put_text(&stats->audit->screen, COLOUR_NONE, LABEL_COLUMNS, label);
    screen_print(" %" PRId64 "\n", count);
}

static void print_span(const struct stats *stats, const char *label, uint64_t ms)
{
    char text[TIME_TEXT_BYTES];
    time_text_print_span(ms, text);
    screen_print("  ");
    screen_put_text(&stats->audit->screen, COLOUR_NONE, LABEL_COLUMNS, label);
    screen_print(" %s\n", text);
}

static void print_account(const struct stats *stats)
{
    const struct screen *screen = &stats->audit->screen;
    screen_print("account, in entries since the stream was made\n");
    print_count(stats, "queued", stats->account[ADDED]);
    print_count(stats, "started", stats->account[STARTED]);
    print_count(stats, "dead", stats->account[DEAD]);
    for (size_t i = 0; i < stats->reason_count; i++) {
        screen_print("    ");
        screen_put_text(screen, COLOUR_NONE, 10, stats->reasons[i].name);
        screen_print(" %" PRIu64 "\n", stats->reasons[i].count);
    }
    print_count(stats, "duplicate", stats->account[DUPLICATE]);
    if (!is_known(stats)) {
        screen_print(
            "  unfinished   unknown: Redis does not know how many are unread, until a worker "
            "has read them\n");
        return;
    }
    print_count(stats, "unfinished", stats->account[UNFINISHED]);
    screen_print("  ");
    if (difference(stats) == 0) {
        screen_put_text(screen, COLOUR_GOOD, 0, "it adds up");
    } else {
        screen_put_text(screen, COLOUR_BAD, 0, "IT DOES NOT ADD UP: queued is off by");
        screen_print(" %" PRId64, difference(stats));
    }
    screen_print("\n");
}

// Figures of the trade. Answered: dial-ins whose bot was started. Abandoned: the caller hung up, by
// Daily's events. Offered: answered, lost and abandoned; abandon rate: the share of the latter two.
// Average speed of answer: the mean wait of the answered. Service level: those answered within
// ANSWERED_S, of answered and lost.
static void print_figures(const struct stats *stats)
{
    const struct waited *waited = &stats->waited;
    uint64_t known = waited->count + stats->lost, offered = known + stats->abandoned;
    if (offered == 0) {
        return;
    }
    screen_print("\ndial-ins, since the stream was made\n");
    print_count(stats, "offered", (int64_t)offered);
    print_count(stats, "answered", (int64_t)waited->count);
    print_count(stats, "lost", (int64_t)stats->lost);
    if (stats->abandoned > 0) {
        print_count(stats, "abandoned", (int64_t)stats->abandoned);
    }
    screen_print("  abandon rate %.1f %%\n",
                 100 * (double)(stats->lost + stats->abandoned) / (double)offered);
    print_span(stats, "mean wait", waited->count > 0 ? waited->sum_ms / waited->count : 0);
    if (known > 0) {
        screen_print("  within %d s  %.1f %% of answered and lost\n", ANSWERED_S,
                     100 * (double)waited_within(waited, ANSWERED_S) / (double)known);
    }
}

// Served: their numbers had been served otherwise before they asked.
static void print_callbacks(const struct stats *stats)
{
    if (stats->callbacks > 0) {
        screen_print("\ncall backs, since the stream was made\n");
        print_count(stats, "queued", (int64_t)stats->callbacks);
        print_count(stats, "served", (int64_t)stats->callbacks_served);
        print_count(stats, "dead", (int64_t)stats->callbacks_dead);
    }
}

// By Daily's events. Handle time: from `connected` to `ended`. Occupancy: the time in which
// sessions were busy, of the time of all sessions, as looked at once a minute.
static void print_conversations(const struct stats *stats)
{
    const struct conversations *known = &stats->conversations;
    uint64_t judged = conversations_judged(known);
    if (judged == 0) {
        return;
    }
    screen_print("\nstarted calls, by Daily's events\n");
    print_count(stats, "connected", (int64_t)known->connected);
    print_count(stats, "ended", (int64_t)known->ended);
    print_count(stats, "failed", (int64_t)known->failed);
    screen_print("  never reached their bot %" PRIu64 ", %.1f %% of %" PRIu64 "\n",
                 known->never_connected, 100 * (double)known->never_connected / (double)judged,
                 judged);
    if (known->talked > 0) {
        print_span(stats, "mean talk", known->talked_s * 1000 / known->talked);
    }
    if (known->pool_s > 0) {
        screen_print("  occupancy    %.1f %% of the sessions of agents that were full\n",
                     (double)conversations_occupancy(known) / 10);
    }
}

static void print_rest(const struct stats *stats)
{
    char waited[TIME_TEXT_BYTES], entry[ENTRY_ID_BYTES];
    screen_print("\nnow\n");
    print_count(stats, "in line", stats->account[IN_LINE]);
    if (stats->oldest.ms > 0) {
        time_text_print_span(stats->oldest_waited_ms, waited);
        entry_id_print(stats->oldest, entry);
        screen_print("  oldest       waits for %s, entry %s\n", waited, entry);
    } else {
        screen_print("  oldest       nobody waits\n");
    }
    screen_print("\ncalls that are kept%s\n",
                 stats->audit->options->selection.since_ms > 0 ? ", of the time asked for" : "");
    for (unsigned i = 0; i < RECORDED_STATE_COUNT; i++) {
        if (stats->kept[i] > 0) {
            print_count(stats, recorded_state_name((enum recorded_state)i),
                        (int64_t)stats->kept[i]);
        }
    }
    if (stats->waits.count > 0) {
        screen_print("\nhow long callers waited until their bot was started\n");
        print_span(stats, "p50", wait_histogram_percentile(&stats->waits, 50));
        print_span(stats, "p95", wait_histogram_percentile(&stats->waits, 95));
        print_span(stats, "p99", wait_histogram_percentile(&stats->waits, 99));
        print_span(stats, "max", stats->waits.max_ms);
    }
}

static void json_account(const struct stats *stats, struct json_line *line)
{
    json_line_open(line, "account", '{');
    json_line_number(line, "queued", (uint64_t)stats->account[ADDED]);
    json_line_number(line, "started", (uint64_t)stats->account[STARTED]);
    json_line_number(line, "dead", (uint64_t)stats->account[DEAD]);
    json_line_number(line, "duplicate", (uint64_t)stats->account[DUPLICATE]);
    if (is_known(stats)) {
        json_line_number(line, "unfinished", (uint64_t)stats->account[UNFINISHED]);
        json_line_flag(line, "adds_up", difference(stats) == 0);
    } else {
        json_line_null(line, "unfinished");
        json_line_null(line, "adds_up");
    }
    json_line_close(line, '}');
    json_line_open(line, "reasons", '{');
    for (size_t i = 0; i < stats->reason_count; i++) {
        json_line_number(line, stats->reasons[i].name, stats->reasons[i].count);
    }
    json_line_close(line, '}');
}

static void json_conversations(const struct conversations *known, struct json_line *line)
{
    json_line_open(line, "verdicts", '{');
    json_line_number(line, "connected", known->connected);
    json_line_number(line, "ended", known->ended);
    json_line_number(line, "failed", known->failed);
    json_line_number(line, "never_connected", known->never_connected);
    json_line_close(line, '}');
    json_line_number(line, "talked", known->talked);
    json_line_number(line, "talked_s", known->talked_s);
    json_line_number(line, "busy_s", known->busy_s);
    json_line_number(line, "pool_s", known->pool_s);
}

static void print_json(const struct stats *stats)
{
    struct json_line line;
    json_line_init(&line);
    json_account(stats, &line);
    json_line_number(&line, "offered", stats->waited.count + stats->lost + stats->abandoned);
    json_line_number(&line, "answered", stats->waited.count);
    json_line_number(&line, "lost", stats->lost);
    json_line_number(&line, "abandoned", stats->abandoned);
    json_line_number(&line, "answered_within_20s", waited_within(&stats->waited, ANSWERED_S));
    json_line_number(&line, "answered_sum_ms", stats->waited.sum_ms);
    json_line_open(&line, "callbacks", '{');
    json_line_number(&line, "queued", stats->callbacks);
    json_line_number(&line, "served", stats->callbacks_served);
    json_line_number(&line, "dead", stats->callbacks_dead);
    json_line_close(&line, '}');
    json_conversations(&stats->conversations, &line);
    json_line_number(&line, "in_line", (uint64_t)stats->account[IN_LINE]);
    if (stats->oldest.ms > 0) {
        json_line_number(&line, "oldest_waiting_ms", stats->oldest_waited_ms);
    } else {
        json_line_null(&line, "oldest_waiting_ms");
    }
    json_line_open(&line, "kept", '{');
    for (unsigned i = 0; i < RECORDED_STATE_COUNT; i++) {
        json_line_number(&line, recorded_state_name((enum recorded_state)i), stats->kept[i]);
    }
    json_line_close(&line, '}');
    json_line_open(&line, "waited_ms", '{');
    json_line_number(&line, "count", stats->waits.count);
    json_line_number(&line, "p50", wait_histogram_percentile(&stats->waits, 50));
    json_line_number(&line, "p95", wait_histogram_percentile(&stats->waits, 95));
    json_line_number(&line, "p99", wait_histogram_percentile(&stats->waits, 99));
    json_line_number(&line, "max", stats->waits.max_ms);
    json_line_close(&line, '}');
    screen_json(&line, stdout);
    json_line_release(&line);
}

enum exit_code stats_run(struct audit *audit)
{
    static const char *const WANTED[] = {"started_ms", NULL};
    struct stats stats = {.audit = audit};
    if (audit->options->by) {
        return stats_by_run(audit);
    }
    struct selection selection = audit->options->selection;
    selection.limit = 0;
    if (!read_account(&stats) ||
        !record_walk(audit->database, &selection, NEWEST_FIRST, WANTED, on_call, &stats)) {
        return EXIT_NOT_DONE;
    }
    if (audit->options->json) {
        print_json(&stats);
    } else {
        print_account(&stats);
        print_figures(&stats);
        print_conversations(&stats);
        print_callbacks(&stats);
        print_rest(&stats);
    }
    return is_known(&stats) && difference(&stats) == 0 ? EXIT_DONE : EXIT_NOT_DONE;
}
