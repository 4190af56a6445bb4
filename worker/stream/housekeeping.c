// Two scripts, one after the other: trim.lua, unknown.lua. If Redis is away, a run is simply
// repeated at its next time. Trimming because memory is short is logged once for each
// such time, when it is over: with how many entries went, and how young the youngest was.
#include "housekeeping.h"

#include "log.h"
#include "memory.h"
#include "redis_command.h"
#include "webhook_entry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JITTER_SHARE 5 // of a pause
#define OLDEST "-"
#define NOT_READY_MS 50
#define MEMORY_EPISODE_MS (600 * 1000) // memory short again within this is not said again
#define UNKNOWN_ERROR "its version is unknown to the workers, and the caller has gone"

struct housekeeping {
    struct housekeeping_settings settings;
    struct stream_reader *reader;
    struct scripts *scripts;
    struct loop_timer *timer;
    struct bytes webhooks, audit, dead, counts, calls; // keys, and the first part of a call's
    struct bytes search_from;                          // among the entries put aside
    bool is_trimming, is_searching;
    bool is_stopped;
    bool has_more;
    bool is_watchful;
    uint64_t short_ms;             // when memory was last short; 0: never
    bool is_said, is_end_said;     // of this time
    uint64_t before_time;          // entries taken in this time
    char youngest[ENTRY_ID_BYTES]; // of those
    uint64_t *taken_by_age, *taken_by_memory;
    int64_t *used, *most;
};

// --- when --------------------------------------------------------------------------------------

// Each step's answer is here: the next run.
static void plan(struct housekeeping *housekeeping)
{
    if (housekeeping->is_trimming || housekeeping->is_searching) {
        return;
    }
    bool has_more =
        housekeeping->has_more || strcmp(bytes_text(&housekeeping->search_from), OLDEST) != 0;
    uint64_t pause_ms = has_more                    ? HOUSEKEEPING_MORE_MS
                        : housekeeping->is_watchful ? HOUSEKEEPING_WATCHFUL_MS
                                                    : HOUSEKEEPING_EVERY_MS;
    loop_timer_start(housekeeping->timer, pause_ms + loop_now_us() % (pause_ms / JITTER_SHARE));
}

// --- trimming ----------------------------------------------------------------------------------

// The places of trim.lua's answer.
enum { TAKEN, YOUNGEST, IS_BEFORE_TIME, HAS_MORE, USED, MAXMEMORY };
static const char TRIM_SHAPE[] = "(nsnnnn)";

static void say_memory_is_short(struct housekeeping *housekeeping, const redisReply *reply)
{
    uint64_t now_ms = loop_now_ms();
    int64_t used = reply->element[USED]->integer, most = reply->element[MAXMEMORY]->integer;
    if (!housekeeping->short_ms || now_ms - housekeeping->short_ms > MEMORY_EPISODE_MS) {
        housekeeping->is_said = housekeeping->is_end_said = false;
        housekeeping->before_time = 0;
    }
    housekeeping->short_ms = now_ms;
    housekeeping->before_time += (uint64_t)reply->element[TAKEN]->integer;
    if (reply->element[TAKEN]->integer > 0) {
        snprintf(housekeeping->youngest, sizeof housekeeping->youngest, "%s",
                 reply->element[YOUNGEST]->str);
    }
    if (housekeeping->has_more) {
        return;
    }
    if (housekeeping->before_time > 0 && !housekeeping->is_said) {
        housekeeping->is_said = true;
        log_error("Redis' memory is short: finished history is trimmed early; raise maxmemory "
                  "or lower RETENTION_DAYS",
                  log_number("entries", (int64_t)housekeeping->before_time),
                  log_text("up_to", housekeeping->youngest), log_number("used_bytes", used),
                  log_number("maxmemory_bytes", most));
    }
    if (used * 100 > most * HOUSEKEEPING_MEMORY_PERCENT && !housekeeping->is_end_said) {
        housekeeping->is_end_said = true;
        log_error("Redis' memory is short, and no finished history is left to trim: raise "
                  "maxmemory",
                  log_number("used_bytes", used), log_number("maxmemory_bytes", most));
    }
}

static void on_trimmed(const redisReply *reply, void *arg)
{
    struct housekeeping *housekeeping = arg;
    housekeeping->is_trimming = false;
    scripts_look_at(housekeeping->scripts, reply);
    if (!reply_has_shape(reply, TRIM_SHAPE)) {
        if (reply_is_error(reply)) {
            log_error("finished history cannot be trimmed",
                      log_text("error", scripts_error(housekeeping->scripts, reply)));
        }
        plan(housekeeping);
        return;
    }
    int64_t taken = reply->element[TAKEN]->integer;
    int64_t used = reply->element[USED]->integer, most = reply->element[MAXMEMORY]->integer;
    bool is_before_time = reply->element[IS_BEFORE_TIME]->integer == 1;
    *housekeeping->used = used;
    *housekeeping->most = most;
    *(is_before_time ? housekeeping->taken_by_memory : housekeeping->taken_by_age) +=
        (uint64_t)taken;
    housekeeping->has_more = reply->element[HAS_MORE]->integer == 1;
    housekeeping->is_watchful = most > 0 && used * 100 > most * HOUSEKEEPING_WATCHFUL_PERCENT;
    if (is_before_time) {
        say_memory_is_short(housekeeping, reply);
    }
    plan(housekeeping);
}

static bool trim(struct housekeeping *housekeeping)
{
    char retention_ms[REDIS_NUMBER_BYTES], most[REDIS_NUMBER_BYTES], percent[REDIS_NUMBER_BYTES];
    const struct bytes_view argv[] = {
        redis_number(retention_ms, housekeeping->settings.retention_ms),
        redis_number(most, HOUSEKEEPING_ENTRIES_MAX),
        redis_number(percent, HOUSEKEEPING_MEMORY_PERCENT)};
    return scripts_send(housekeeping->scripts, SCRIPT_TRIM, 3, argv, on_trimmed, housekeeping);
}

// --- entries of other versions -----------------------------------------------------------------

// {how many were claimed, how many were given up, start of the next search}
static void on_searched(const redisReply *reply, void *arg)
{
    struct housekeeping *housekeeping = arg;
    housekeeping->is_searching = false;
    scripts_look_at(housekeeping->scripts, reply);
    if (!reply_has_shape(reply, "(nns)")) {
        plan(housekeeping);
        return; // without the group nobody holds anything
    }
    int64_t claimed = reply->element[0]->integer, given_up = reply->element[1]->integer;
    bytes_clear(&housekeeping->search_from);
    bytes_append_text(&housekeeping->search_from, reply->element[2]->str);
    if (given_up > 0) {
        log_error("gave up entries of an unknown version: no worker knew it in time",
                  log_number("entries", given_up));
    }
    if (claimed > 0) {
        log_info("claimed entries that were set aside for a newer worker",
                 log_number("entries", claimed));
        stream_reader_read_pending(housekeeping->reader);
    }
    plan(housekeeping);
}

static bool search(struct housekeeping *housekeeping)
{
    char most[REDIS_NUMBER_BYTES], age_ms[REDIS_NUMBER_BYTES], looked_at[REDIS_NUMBER_BYTES];
    size_t room = stream_reader_room(housekeeping->reader);
    const struct bytes_view argv[] = {
        redis_number(most, room),
        view_of_text(housekeeping->settings.consumer),
        VIEW(WEBHOOK_ENTRY_VERSION " " WEBHOOK_ENTRY_VERSION_TRUNK),
        redis_number(age_ms, housekeeping->settings.hold_ms_max + HOUSEKEEPING_ABOVE_HOLD_MS),
        VIEW(UNKNOWN_ERROR),
        bytes_view(&housekeeping->search_from),
        redis_number(looked_at, HOUSEKEEPING_ENTRIES_MAX)};
    return scripts_send(housekeeping->scripts, SCRIPT_UNKNOWN, 7, argv, on_searched, housekeeping);
}

// --- opening and closing -----------------------------------------------------------------------

static void run(void *arg)
{
    struct housekeeping *housekeeping = arg;
    if (housekeeping->is_stopped) {
        return;
    }
    if (!scripts_are_loaded(housekeeping->scripts)) {
        loop_timer_start(housekeeping->timer, NOT_READY_MS);
        return;
    }
    loop_timer_start(housekeeping->timer, HOUSEKEEPING_EVERY_MS); // should no answer come
    if (!housekeeping->is_trimming && !housekeeping->is_searching) {
        housekeeping->has_more = false;
        housekeeping->is_trimming = trim(housekeeping);
        housekeeping->is_searching = search(housekeeping);
    }
}

void housekeeping_on_up(struct housekeeping *housekeeping)
{
    run(housekeeping);
}

void housekeeping_stop(struct housekeeping *housekeeping)
{
    housekeeping->is_stopped = true;
}

struct housekeeping *housekeeping_open(struct loop *loop, struct scripts *scripts,
                                       struct stream_reader *reader,
                                       const struct housekeeping_settings *settings,
                                       struct metrics *metrics)
{
    static const char NAME[] = "dialin_entries_trimmed_total";
    static const char HELP[] = "Finished entries taken away, because of their age or for memory.";
    struct housekeeping *housekeeping = memory_zeroed(sizeof *housekeeping);
    housekeeping->settings = *settings;
    housekeeping->reader = reader;
    housekeeping->scripts = scripts;
    bytes_init(&housekeeping->search_from, ENTRY_ID_BYTES + 1);
    bytes_append_text(&housekeeping->search_from, OLDEST);
    housekeeping->taken_by_age = metrics_counter(metrics, NAME, HELP, "cause=\"age\"");
    housekeeping->taken_by_memory = metrics_counter(metrics, NAME, HELP, "cause=\"memory\"");
    housekeeping->used =
        metrics_gauge(metrics, "dialin_redis_memory_bytes", "Memory that Redis uses.", NULL);
    housekeeping->most = metrics_gauge(metrics, "dialin_redis_memory_max_bytes",
                                       "Redis' maxmemory; 0: it has none.", NULL);
    housekeeping->timer = loop_timer_open(loop, run, housekeeping);
    return housekeeping;
}

void housekeeping_close(struct housekeeping *housekeeping)
{
    bytes_release(&housekeeping->search_from);
    loop_timer_close(housekeeping->timer);
    free(housekeeping);
}
