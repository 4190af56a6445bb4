// A cut append-only file or a failover loses entries of stream and counters alike,
// so that the account still adds up. Hence the second look: how many entries Redis had counted up
// to the newest one this worker knows, and how many it counts up to there now. Outcomes only grow
// in number; so fewer than this worker has seen are a loss as well.
#include "account.h"

#include "log.h"
#include "memory.h"
#include "redis_command.h"
#include "webhook_entry.h"

#include <stdio.h>
#include <stdlib.h>

#define NOT_READY_MS 50
#define JITTER_MS 2000

struct account {
    struct scripts *scripts;
    struct loop_timer *timer;
    uint64_t samples_kept_s;
    bool is_reading;
    int64_t added; // as of `newest`
    char newest[ENTRY_ID_BYTES];
    int64_t ended; // calls, the most that were seen
    int64_t said;  // the difference that was said last
    int64_t *difference, *read_s;
    uint64_t *readings, *losses;
};

// The places of account.lua's answer.
enum { ADDED, STARTED, DEAD, DUPLICATE, UNFINISHED, IN_LINE, NEWEST, NEWER, LEFT };
static const char SHAPE[] = "(nnnniisis)";

static int64_t at(const redisReply *reply, size_t index)
{
    return reply->element[index]->integer;
}

// Entries up to the newest one known that are gone; deleted and trimmed ones still count as added.
static int64_t missing(const struct account *account, const redisReply *reply)
{
    int64_t up_to_there = at(reply, ADDED) - (at(reply, NEWER) > 0 ? at(reply, NEWER) : 0);
    return account->newest[0] ? account->added - up_to_there : 0;
}

static int64_t ended(const redisReply *reply)
{
    return at(reply, STARTED) + at(reply, DEAD) + at(reply, DUPLICATE);
}

static void look_for_lost_outcomes(struct account *account, const redisReply *reply)
{
    int64_t count = account->ended - ended(reply);
    if (count > 0) {
        log_error("Redis has lost outcomes: calls that had ended may be started again, with a "
                  "second bot (restored, restarted from a damaged append-only file, or failed over "
                  "to a replica that did not have them: see REDIS_WAIT_REPLICAS)",
                  log_number("outcomes", count));
        (*account->losses)++;
        account->ended = 0;
    }
    account_note_ended(account, (uint64_t)ended(reply));
}

void account_note_ended(struct account *account, uint64_t ended_count)
{
    account->ended = (int64_t)ended_count > account->ended ? (int64_t)ended_count : account->ended;
}

static void look_for_losses(struct account *account, const redisReply *reply)
{
    int64_t count = missing(account, reply);
    *account->losses += count > 0;
    if (count > 0 && count == account->added) {
        log_error("Redis has lost every webhook it had: the stream was deleted, or all was flushed",
                  log_number("entries", count), log_text("up_to", account->newest));
    } else if (count > 0) {
        log_error(
            "Redis has lost webhooks: it came back with less than it had (restored, restarted "
            "from a damaged append-only file, or failed over)",
            log_number("entries", count), log_text("after", reply->element[LEFT]->str),
            log_text("up_to", account->newest));
    }
    account->added = at(reply, ADDED);
    snprintf(account->newest, sizeof account->newest, "%s",
             account->added > 0 ? reply->element[NEWEST]->str : "");
}

static void add_up(struct account *account, const redisReply *reply)
{
    int64_t difference = at(reply, ADDED) - ended(reply) - at(reply, UNFINISHED);
    *account->read_s = (int64_t)(loop_wall_ms() / 1000);
    if (at(reply, UNFINISHED) < 0) {
        return;
    }
    *account->difference = difference;
    if (difference != account->said && difference != 0) {
        log_error("the account does not add up: queued is not started + dead + duplicate + "
                  "unfinished",
                  log_number("difference", difference), log_number("queued", at(reply, ADDED)),
                  log_number("started", at(reply, STARTED)), log_number("dead", at(reply, DEAD)),
                  log_number("duplicate", at(reply, DUPLICATE)),
                  log_number("unfinished", at(reply, UNFINISHED)));
    } else if (difference != account->said) {
        log_info("the account adds up again");
    }
    account->said = difference;
}

static void on_read(const redisReply *reply, void *arg)
{
    struct account *account = arg;
    account->is_reading = false;
    scripts_look_at(account->scripts, reply);
    if (reply_has_shape(reply, SHAPE)) {
        look_for_losses(account, reply);
        look_for_lost_outcomes(account, reply);
        add_up(account, reply);
        (*account->readings)++;
    } else if (reply_is_error(reply)) {
        log_error("the account cannot be read",
                  log_text("error", scripts_error(account->scripts, reply)));
    }
}

static void on_sample(const redisReply *reply, void *arg)
{
    struct account *account = arg;
    scripts_look_at(account->scripts, reply);
}

static void take_sample(struct account *account)
{
    char kept_s[REDIS_NUMBER_BYTES];
    const struct bytes_view argv[] = {redis_number(kept_s, account->samples_kept_s)};
    scripts_send(account->scripts, SCRIPT_SAMPLE, 1, argv, on_sample, account);
}

static void read_account(void *arg)
{
    struct account *account = arg;
    const struct bytes_view argv[] = {view_of_text(account->newest)};
    if (!scripts_are_loaded(account->scripts)) {
        loop_timer_start(account->timer, NOT_READY_MS);
        return;
    }
    loop_timer_start(account->timer, ACCOUNT_EVERY_MS + loop_now_us() % JITTER_MS);
    if (!account->is_reading) {
        account->is_reading =
            scripts_send(account->scripts, SCRIPT_ACCOUNT, 1, argv, on_read, account);
        take_sample(account);
    }
}

void account_on_up(struct account *account)
{
    read_account(account);
}

struct account *account_open(struct loop *loop, struct scripts *scripts, struct metrics *metrics,
                             uint64_t samples_kept_s)
{
    struct account *account = memory_zeroed(sizeof *account);
    account->scripts = scripts;
    account->samples_kept_s = samples_kept_s;
    account->difference =
        metrics_gauge(metrics, "dialin_account_difference",
                      "Webhooks queued, less those started, dead, duplicate and unfinished.", NULL);
    account->read_s = metrics_gauge(metrics, "dialin_account_read_timestamp_seconds",
                                    "When the account was read last, since 1970.", NULL);
    account->readings = metrics_counter(metrics, "dialin_account_readings_total",
                                        "How often the account was read.", NULL);
    account->losses = metrics_counter(
        metrics, "dialin_losses_total",
        "Times that Redis had lost webhooks, or outcomes that were recorded.", NULL);
    account->timer = loop_timer_open(loop, read_account, account);
    return account;
}

void account_close(struct account *account)
{
    loop_timer_close(account->timer);
    free(account);
}
