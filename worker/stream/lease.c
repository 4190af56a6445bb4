// Three scripts: renew.lua every LEASE_RENEW_MS, take_over.lua every LEASE_LOOK_MS, leave.lua at
// the end. A script that finds Redis away is simply run again at its next time; the lease in Redis
// runs out by itself. Half of the lease's time passes by Redis' clock, as the key's time to live;
// the other half by the monotonic clock of the worker that takes over (lease_watch.h).
#include "lease.h"

#include "lease_watch.h"
#include "log.h"
#include "memory.h"
#include "redis_command.h"

#include <stdlib.h>

#define RENEW_AGAIN_MS 50 // after a renewal that Redis did not take

struct lease {
    struct lease_settings settings;
    struct stream_reader *reader;
    struct scripts *scripts;
    struct loop_timer *renewal, *look;
    struct lease_watch watch;
    bool is_held;
    bool is_looking;
    bool is_stopped;
    loop_on_time *on_given_up;
    void *on_given_up_arg;
};

// --- renewing ---------------------------------------------------------------------------------

static void on_renewed(const redisReply *reply, void *arg)
{
    struct lease *lease = arg;
    scripts_look_at(lease->scripts, reply);
    if (!reply || reply->type != REDIS_REPLY_STATUS) {
        loop_timer_start(lease->renewal, RENEW_AGAIN_MS);
    } else if (!lease->is_held) {
        lease->is_held = true;
        stream_reader_start(lease->reader);
    }
}

static void renew(void *arg)
{
    struct lease *lease = arg;
    char key_ms[REDIS_NUMBER_BYTES];
    if (lease->on_given_up) {
        return;
    }
    const struct bytes_view argv[] = {view_of_text(lease->settings.consumer),
                                      view_of_text(lease->settings.worker_name),
                                      redis_number(key_ms, lease->settings.lease_ms / 2)};
    bool is_sent = scripts_send(lease->scripts, SCRIPT_RENEW, 3, argv, on_renewed, lease);
    loop_timer_start(lease->renewal, is_sent ? LEASE_RENEW_MS : RENEW_AGAIN_MS);
}

void lease_on_up(struct lease *lease)
{
    lease_watch_clear(&lease->watch);
    renew(lease);
}

// --- taking over ------------------------------------------------------------------------------

static void tell_taken(int64_t from_dead, int64_t given_back)
{
    if (from_dead > 0) {
        log_warning("took over the entries of a dead worker", log_number("entries", from_dead));
    }
    if (given_back > 0) {
        log_info("took entries that a living or leaving worker gave back",
                 log_number("entries", given_back));
    }
}

// {how many were taken, the consumers without a lease, how many of the taken were given back}
static void on_looked(const redisReply *reply, void *arg)
{
    struct lease *lease = arg;
    lease->is_looking = false;
    scripts_look_at(lease->scripts, reply);
    if (!reply_has_shape(reply, "(n[s]n)")) {
        return;
    }
    lease_watch_note(&lease->watch, reply->element[1], loop_now_ms());
    if (reply->element[0]->integer > 0) {
        int64_t given_back = reply->element[2]->integer;
        tell_taken(reply->element[0]->integer - given_back, given_back);
        stream_reader_read_pending(lease->reader);
        loop_timer_start(lease->look, 0); // there may be more
    }
}

// How many entries may come. If some that were taken over before are still waiting, they come
// first.
static size_t room_of(const struct lease *lease)
{
    size_t room = stream_reader_has_pending(lease->reader) ? 0 : stream_reader_room(lease->reader);
    return room < LEASE_TAKE_OVER_MAX ? room : LEASE_TAKE_OVER_MAX;
}

// Also without room: a worker that gets some must have watched.
static void look_for_the_dead(void *arg)
{
    struct lease *lease = arg;
    char most[REDIS_NUMBER_BYTES];
    struct bytes_view argv[2 + LEASE_WATCH_MAX] = {view_of_text(lease->settings.consumer)};
    loop_timer_start(lease->look, LEASE_LOOK_MS);
    if (!lease->is_held || lease->is_stopped || lease->is_looking) {
        return;
    }
    argv[1] = redis_number(most, room_of(lease));
    size_t dead = lease_watch_dead(&lease->watch, loop_now_ms(), argv + 2);
    lease->is_looking =
        scripts_send(lease->scripts, SCRIPT_TAKE_OVER, 2 + dead, argv, on_looked, lease);
}

void lease_stop_taking(struct lease *lease)
{
    lease->is_stopped = true;
}

// --- giving up --------------------------------------------------------------------------------

static void given_up(void *arg)
{
    struct lease *lease = arg;
    lease->on_given_up(lease->on_given_up_arg);
}

static void on_given_up(const redisReply *reply, void *arg)
{
    (void)reply; // without an answer the lease runs out by itself
    given_up(arg);
}

void lease_give_up(struct lease *lease, loop_on_time *callback, void *arg)
{
    const struct bytes_view argv[] = {view_of_text(lease->settings.consumer)};
    lease->on_given_up = callback;
    lease->on_given_up_arg = arg;
    loop_timer_stop(lease->look);
    loop_timer_stop(lease->renewal);
    if (!scripts_send(lease->scripts, SCRIPT_LEAVE, 1, argv, on_given_up, lease)) {
        given_up(lease);
    }
}

// --- opening and closing ----------------------------------------------------------------------

struct lease *lease_open(struct loop *loop, struct scripts *scripts, struct stream_reader *reader,
                         const struct lease_settings *settings)
{
    struct lease *lease = memory_zeroed(sizeof *lease);
    lease->settings = *settings;
    lease->reader = reader;
    lease->scripts = scripts;
    lease_watch_init(&lease->watch, settings->lease_ms / 2);
    lease->renewal = loop_timer_open(loop, renew, lease);
    lease->look = loop_timer_open(loop, look_for_the_dead, lease);
    loop_timer_start(lease->look, LEASE_LOOK_MS);
    return lease;
}

void lease_close(struct lease *lease)
{
    loop_timer_close(lease->renewal);
    loop_timer_close(lease->look);
    lease_watch_clear(&lease->watch);
    free(lease);
}
