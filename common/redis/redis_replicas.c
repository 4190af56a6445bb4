// See redis_replicas.h.
#include "redis_replicas.h"

#include "log.h"
#include "memory.h"
#include "redis_command.h"

#include <stdio.h>
#include <stdlib.h>

#define SENTENCE_BYTES 256

struct wait {
    struct wait *next;
    redis_on_replicas *callback;
    void *arg;
    unsigned waits, waits_max;
};

struct redis_replicas {
    struct redis *redis; // NULL: not connected
    struct redis_replicas_settings settings;
    loop_on_time *on_change;
    void *arg;
    struct loop_timer *probe;
    struct wait *first, **end;
    size_t waiting;  // in the queue
    size_t covered;  // of them, from the first, by the WAIT that is out
    bool is_waiting; // a WAIT is out
    bool are_missing;
};

static void look(void *arg);

static void note(struct redis_replicas *replicas, bool are_there)
{
    char sentence[SENTENCE_BYTES];
    bool has_changed = replicas->are_missing == are_there;
    replicas->are_missing = !are_there;
    if (has_changed && !are_there) {
        snprintf(sentence, sizeof sentence, "too few replicas of Redis: %s (REDIS_WAIT_REPLICAS)",
                 replicas->settings.consequence);
        log_error(sentence, log_number("wanted", replicas->settings.count),
                  log_number("waited_ms", replicas->settings.wait_ms));
    } else if (has_changed) {
        log_info("Redis has enough replicas again");
    }
    if (has_changed && replicas->on_change) {
        replicas->on_change(replicas->arg);
    }
}

static void finish(struct wait *wait, bool have_it)
{
    wait->callback(have_it, wait->arg);
    free(wait);
}

// Takes those out of the queue, among the covered, who need not wait any longer: all of them, or
// those who have waited often enough.
static struct wait *take_covered(struct redis_replicas *replicas, bool are_all)
{
    struct wait **place = &replicas->first, *taken = NULL, **taken_end = &taken;
    for (; replicas->covered > 0; replicas->covered--) {
        struct wait *wait = *place;
        wait->waits++;
        if (!are_all && (wait->waits_max == 0 || wait->waits < wait->waits_max)) {
            place = &wait->next;
            continue;
        }
        *place = wait->next;
        wait->next = NULL;
        *taken_end = wait;
        taken_end = &wait->next;
        replicas->waiting--;
    }
    if (!*place) {
        replicas->end = place;
    }
    return taken;
}

static void finish_all(struct wait *wait, bool have_it)
{
    while (wait) {
        struct wait *next = wait->next;
        finish(wait, have_it);
        wait = next;
    }
}

static void on_answer(const redisReply *reply, void *arg)
{
    struct redis_replicas *replicas = arg;
    int64_t number = 0;
    bool have_it = reply_integer(reply, (int64_t)replicas->settings.count, INT32_MAX, &number);
    replicas->is_waiting = false;
    if (!reply || !replicas->redis) {
        return; // the connection is gone: on_down answers
    }
    if (reply_is_error(reply)) {
        log_error("Redis refuses WAIT (REDIS_WAIT_REPLICAS)", log_text("error", reply->str));
    }
    struct wait *done = take_covered(replicas, have_it);
    note(replicas, have_it);
    finish_all(done, have_it);
    if (replicas->are_missing) {
        loop_timer_start(replicas->probe, REDIS_REPLICAS_PROBE_MS);
    } else {
        look(replicas);
    }
}

static void look(void *arg)
{
    struct redis_replicas *replicas = arg;
    char number[REDIS_NUMBER_BYTES], wait_ms[REDIS_NUMBER_BYTES];
    const struct bytes_view argv[] = {VIEW("WAIT"), redis_number(number, replicas->settings.count),
                                      redis_number(wait_ms, replicas->settings.wait_ms)};
    bool is_wanted = replicas->waiting > 0 || replicas->are_missing;
    if (replicas->redis && !replicas->is_waiting && is_wanted &&
        redis_send(replicas->redis, 3, argv, on_answer, replicas)) {
        replicas->is_waiting = true;
        replicas->covered = replicas->waiting;
    }
}

void redis_replicas_wait(struct redis_replicas *replicas, unsigned waits_max,
                         redis_on_replicas *callback, void *arg)
{
    struct wait *wait = memory_zeroed(sizeof *wait);
    *wait = (struct wait){.callback = callback, .arg = arg, .waits_max = waits_max};
    *replicas->end = wait;
    replicas->end = &wait->next;
    replicas->waiting++;
    if (!replicas->are_missing) {
        look(replicas);
    }
}

bool redis_replicas_are_wanted(const struct redis_replicas *replicas)
{
    return replicas->settings.count > 0;
}

bool redis_replicas_are_missing(const struct redis_replicas *replicas)
{
    return replicas->are_missing;
}

// --- up and down --------------------------------------------------------------------------------

void redis_replicas_on_up(struct redis_replicas *replicas, struct redis *redis)
{
    replicas->redis = redis;
}

void redis_replicas_on_down(struct redis_replicas *replicas)
{
    replicas->redis = NULL;
    replicas->is_waiting = false;
    replicas->are_missing = false;
    replicas->covered = replicas->waiting;
    finish_all(take_covered(replicas, true), false);
}

struct redis_replicas *redis_replicas_open(struct loop *loop,
                                           const struct redis_replicas_settings *settings,
                                           loop_on_time *on_change, void *arg)
{
    struct redis_replicas *replicas = memory_zeroed(sizeof *replicas);
    replicas->settings = *settings;
    replicas->on_change = on_change;
    replicas->arg = arg;
    replicas->end = &replicas->first;
    replicas->probe = loop_timer_open(loop, look, replicas);
    return replicas;
}

void redis_replicas_close(struct redis_replicas *replicas)
{
    redis_replicas_on_down(replicas);
    loop_timer_close(replicas->probe);
    free(replicas);
}
