// A connection has rounds: discovery names the possible addresses of the server, each is tried,
// and the first that proves that it can do the work (right password, version, loaded, not a
// replica) is used. Every trouble has the same cure: close the link, which answers all that is out
// with NULL, and begin a new round after a pause that doubles from REDIS_RECONNECT_MS_MIN to _MAX.
// A queue of the commands in flight, in sending order, tells the oldest command, and a timer looks
// at its age.
//
// Surprising: a round's failures are reported together when the round is over, so that a name with
// two addresses, of which one is dead, is one line and not two that alternate.
#include "redis.h"

#include "log.h"
#include "memory.h"
#include "redis_clock.h"
#include "redis_command.h"
#include "redis_discovery.h"
#include "redis_health.h"
#include "redis_link.h"
#include "redis_login.h"
#include "redis_problem.h"
#include "redis_queue.h"
#include "redis_tls.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WATCHDOG_MS 250
#define PROBLEM_BYTES 512

enum state { WAITING, FINDING, CONNECTING, CHECKING, UP, CLOSED };

struct redis {
    struct loop *loop;
    struct redis_address address;
    char *name;
    redis_on_state *on_state;
    redis_on_problem *on_problem; // NULL: it does not belong to a tool
    void *arg;
    uint64_t deadline_ms; // of a command
    enum state state;
    struct redis_discovery *discovery;
    struct redis_login login;
    struct redis_tls *tls; // NULL: not opened yet, or not wanted
    struct redis_target targets[REDIS_TARGETS_MAX];
    size_t target_count, target; // `target`: the one in use, or being tried
    struct redis_link *link;
    struct loop_timer *reconnect;
    struct loop_timer *watchdog;
    uint64_t pause_ms;
    uint64_t round_ms, checking_ms, up_ms; // since when
    uint64_t connects;
    struct bytes wire; // the command that is being sent, in its form there
    struct redis_queue out;
    struct redis_clock clock;
    struct redis_health health;
    struct redis_problem_log problem_log;
    char round_problem[PROBLEM_BYTES]; // of the round that is going on
    char problem[PROBLEM_BYTES];       // of the last round; empty: it is up
    bool refuses;                      // the server itself said so
    char not_ready_reason[PROBLEM_BYTES + 64];
};

static void begin_round_later(struct redis *redis);
static void try_next(struct redis *redis);

static bool is_for_tool(const struct redis *redis)
{
    return redis->on_problem != NULL;
}

static void report(struct redis *redis, const char *problem)
{
    if (!is_for_tool(redis)) {
        redis_problem_report(&redis->problem_log, redis->name, problem);
    }
}

// --- trouble ------------------------------------------------------------------------------------

static void note_problem(struct redis *redis, const char *problem, bool refuses)
{
    size_t len = strlen(redis->round_problem);
    redis->refuses = refuses;
    if (!strstr(redis->round_problem, problem)) {
        snprintf(redis->round_problem + len, PROBLEM_BYTES - len, "%s%s", len > 0 ? "; " : "",
                 problem);
    }
}

static void end_round(struct redis *redis)
{
    memcpy(redis->problem, redis->round_problem, sizeof redis->problem);
    report(redis, redis->problem);
    redis->state = WAITING;
    if (is_for_tool(redis)) {
        redis->on_problem(redis->problem, redis->refuses, redis->arg);
    } else {
        begin_round_later(redis);
    }
}

// Commands in flight get no answer.
static void answer_all_with_nothing(struct redis *redis)
{
    while (redis->out.oldest) {
        const struct redis_command command = redis_queue_take(&redis->out);
        command.on_reply(NULL, command.arg);
    }
}

// Closes the link. One that was up, and told so, starts a new round; else the round goes on with
// the next address.
static void give_up(struct redis *redis, const char *problem, bool refuses)
{
    bool was_up = redis->state == UP;
    if (!redis->link) {
        return;
    }
    redis_link_close(redis->link);
    redis->link = NULL;
    note_problem(redis, problem, refuses);
    if (was_up && loop_now_ms() - redis->up_ms > REDIS_RECONNECT_MS_MAX) {
        redis->pause_ms = 0; // one that comes and goes is left alone for longer and longer
        redis->problem_log = (struct redis_problem_log){0};
    }
    redis->state = WAITING;
    answer_all_with_nothing(redis);
    if (!was_up) {
        try_next(redis);
        return;
    }
    end_round(redis);
    if (redis->on_state) {
        redis->on_state(false, redis->arg);
    }
}

static void on_broken(const char *problem, void *arg)
{
    give_up(arg, problem, false);
}

// --- commands in flight -------------------------------------------------------------------------

// A node of a cluster, asked as a server of its own, does not become the right one by reconnecting.
static bool is_elsewhere(const struct redis *redis, const redisReply *reply)
{
    return redis_error_of(reply) == REDIS_ELSEWHERE &&
           (redis->address.kind == REDIS_CLUSTER || !redis_error_is_moved(reply));
}

// True if the connection is to be given up.
static bool note_reply(struct redis *redis, const redisReply *reply, uint64_t kind)
{
    const char *refusal = reply_is_error(reply) ? reply->str : NULL;
    if (!redis_health_note(&redis->health, kind, reply, loop_now_ms()) || is_for_tool(redis)) {
        return false;
    }
    if (is_elsewhere(redis, reply)) {
        return true;
    }
    if (redis_error_of(reply) == REDIS_ELSEWHERE) {
        report(redis, "this is a node of a cluster: REDIS_URL must begin with redis+cluster://");
    }
    redis_problem_report_refusal(&redis->problem_log, redis->name, refusal);
    return false;
}

static void on_reply(redisReply *reply, void *arg)
{
    struct redis *redis = arg;
    char error[PROBLEM_BYTES];
    const struct redis_command command = redis_queue_take(&redis->out);
    bool is_lost = command.kind && redis->state == UP && note_reply(redis, reply, command.kind);
    snprintf(error, sizeof error, "%s", is_lost ? reply->str : "");
    command.on_reply(reply, command.arg); // who may keep the reply
    if (is_lost) {
        redis_discovery_moved(redis->discovery, error, &redis->targets[redis->target]);
        give_up(redis, error, true);
    }
}

void redis_keep_reply(struct redis *redis)
{
    redis_link_keep_reply(redis->link);
}

static bool send_args(struct redis *redis, size_t argc, const struct bytes_view *argv,
                      size_t arg_count, struct bytes_view args, const struct redis_command *command)
{
    assert(argc > 0 && argc <= REDIS_ARGUMENTS_MAX);
    bytes_clear(&redis->wire);
    if (!redis->link || !redis_command_append(&redis->wire, argc, argv, arg_count) ||
        !bytes_append_view(&redis->wire, args) ||
        !redis_link_send(redis->link, bytes_view(&redis->wire))) {
        return false;
    }
    redis_queue_add(&redis->out, command);
    return true;
}

bool redis_send_args(struct redis *redis, size_t argc, const struct bytes_view *argv,
                     size_t arg_count, struct bytes_view args, redis_on_reply *on_answer, void *arg)
{
    const struct redis_command command = {
        .on_reply = on_answer,
        .arg = arg,
        .sent_ms = loop_now_ms(),
        .kind = redis_health_kind(argv[0], argc > 1 ? argv[1] : VIEW("")),
    };
    return redis->state == UP && send_args(redis, argc, argv, arg_count, args, &command);
}

bool redis_send(struct redis *redis, size_t argc, const struct bytes_view *argv,
                redis_on_reply *on_answer, void *arg)
{
    return redis_send_args(redis, argc, argv, 0, VIEW(""), on_answer, arg);
}

bool redis_send_aside(struct redis *redis, size_t argc, const struct bytes_view *argv,
                      redis_on_reply *on_answer, void *arg)
{
    const struct redis_command command = {
        .on_reply = on_answer, .arg = arg, .sent_ms = loop_now_ms()};
    return redis->state == UP && send_args(redis, argc, argv, 0, VIEW(""), &command);
}

bool redis_is_up(const struct redis *redis)
{
    return redis->state == UP && redis->link && redis_link_is_open(redis->link);
}

struct redis_figures redis_figures(const struct redis *redis)
{
    return (struct redis_figures){
        .is_up = redis_is_up(redis),
        .connects = redis->connects,
        .ping_us = redis->clock.ping_us,
        .offset_ms = (int64_t)(redis_clock_now_ms(&redis->clock) - loop_wall_ms()),
    };
}

const char *redis_not_ready_reason(struct redis *redis)
{
    const char *refusal = redis_health_refusal(&redis->health, loop_now_ms());
    bool is_up = redis_is_up(redis);
    if (is_up && !refusal) {
        return NULL;
    }
    if (is_up || (redis->refuses && redis->problem[0])) {
        snprintf(redis->not_ready_reason, sizeof redis->not_ready_reason, "Redis refuses: %s",
                 is_up ? refusal : redis->problem);
    } else {
        snprintf(redis->not_ready_reason, sizeof redis->not_ready_reason,
                 "Redis cannot be reached (REDIS_URL)%s%s", redis->problem[0] ? ": " : "",
                 redis->problem);
    }
    return redis->not_ready_reason;
}

// --- looking after it ---------------------------------------------------------------------------

uint64_t redis_now_ms(const struct redis *redis)
{
    return redis_clock_now_ms(&redis->clock);
}

void redis_ignore_time(struct redis *redis)
{
    redis->clock.is_quiet = true;
}

const struct redis_clock *redis_clock(const struct redis *redis)
{
    return &redis->clock;
}

// While a failover may have made another server the master, a silent one is left early.
static bool is_silent_in_checks(const struct redis *redis, uint64_t now_ms)
{
    return redis->state == CHECKING && redis->address.kind != REDIS_SINGLE &&
           now_ms - redis->checking_ms > REDIS_CHECK_DEADLINE_MS;
}

// A process that was stopped finds its answers in the socket, but timers come first: so a command
// must be found overdue twice, with a look at the socket in between.
static void watch_over(void *arg)
{
    struct redis *redis = arg;
    struct redis_command *oldest = redis->out.oldest;
    uint64_t now_ms = loop_now_ms();
    loop_timer_start(redis->watchdog, WATCHDOG_MS);
    if ((oldest && oldest->is_overdue) || is_silent_in_checks(redis, now_ms)) {
        char target[REDIS_TARGET_TEXT_BYTES], problem[REDIS_TARGET_TEXT_BYTES + 64];
        redis_target_print(&redis->targets[redis->target], target);
        snprintf(problem, sizeof problem, "no answer within the deadline (%s)", target);
        give_up(redis, problem, false);
    } else if (oldest) {
        oldest->is_overdue = now_ms - oldest->sent_ms + WATCHDOG_MS >= redis->deadline_ms;
    }
    if (redis->state == UP && !redis->clock.is_quiet && redis_clock_is_due(&redis->clock, now_ms)) {
        redis_login_ask_time(&redis->login);
    }
}

// --- log-in -------------------------------------------------------------------------------------

static bool send_for_login(size_t argc, const struct bytes_view *argv, redis_on_reply *on_answer,
                           void *on_answer_arg, void *arg)
{
    struct redis *redis = arg;
    const struct redis_command command = {
        .on_reply = on_answer, .arg = on_answer_arg, .sent_ms = loop_now_ms()};
    return send_args(redis, argc, argv, 0, VIEW(""), &command);
}

static void on_login(const char *problem, void *arg)
{
    struct redis *redis = arg;
    char target[REDIS_TARGET_TEXT_BYTES];
    if (problem) {
        give_up(redis, problem, true);
        return;
    }
    redis_target_print(&redis->targets[redis->target], target);
    redis->state = UP;
    redis->up_ms = loop_now_ms();
    redis->connects++;
    redis->problem[0] = redis->round_problem[0] = '\0';
    redis->refuses = false;
    if (!is_for_tool(redis)) {
        log_info("connected to Redis", log_text("connection", redis->name),
                 log_text("address", target));
    }
    if (redis->on_state) {
        redis->on_state(true, redis->arg);
    }
}

static void on_open(void *arg)
{
    struct redis *redis = arg;
    redis->state = CHECKING;
    redis->checking_ms = loop_now_ms();
    redis_login_begin(&redis->login);
}

// --- rounds -------------------------------------------------------------------------------------

static void connect_to_target(struct redis *redis)
{
    static const struct redis_link_events EVENTS = {on_open, on_reply, on_broken};
    redis->state = CONNECTING;
    redis->link =
        redis_link_open(redis->loop, &redis->targets[redis->target], redis->tls, &EVENTS, redis);
}

static void try_next(struct redis *redis)
{
    if (++redis->target < redis->target_count) {
        connect_to_target(redis);
    } else {
        end_round(redis);
    }
}

static void on_targets(const struct redis_target *targets, size_t count, const char *problem,
                       void *arg)
{
    struct redis *redis = arg;
    if (problem[0]) {
        note_problem(redis, problem, false);
    }
    if (count == 0) {
        end_round(redis);
        return;
    }
    memcpy(redis->targets, targets, count * sizeof *targets);
    redis->target_count = count;
    redis->target = 0;
    connect_to_target(redis);
}

// False, with the round's problem noted, if TLS is wanted and its files cannot be used.
static bool has_tls(struct redis *redis)
{
    char problem[REDIS_TLS_PROBLEM_BYTES];
    if (redis->address.has_tls && !redis->tls) {
        redis->tls = redis_tls_open(&redis->address.tls_files, problem);
        if (!redis->tls) {
            note_problem(redis, problem, false);
        }
    }
    return redis->tls || !redis->address.has_tls;
}

static void begin_round(void *arg)
{
    struct redis *redis = arg;
    redis->round_ms = loop_now_ms();
    redis->round_problem[0] = '\0';
    if (!has_tls(redis)) {
        end_round(redis);
        return;
    }
    redis->state = FINDING;
    redis_discovery_find(redis->discovery, redis->tls, on_targets, redis);
}

// From one round's beginning to that of the next: the time waited in vain counts.
static void begin_round_later(struct redis *redis)
{
    uint64_t doubled_ms = redis->pause_ms ? redis->pause_ms * 2 : REDIS_RECONNECT_MS_MIN;
    uint64_t gone_ms = loop_now_ms() - redis->round_ms;
    redis->pause_ms = doubled_ms < REDIS_RECONNECT_MS_MAX ? doubled_ms : REDIS_RECONNECT_MS_MAX;
    loop_timer_start(redis->reconnect, gone_ms + REDIS_RECONNECT_MS_MIN < redis->pause_ms
                                           ? redis->pause_ms - gone_ms
                                           : REDIS_RECONNECT_MS_MIN);
}

// --- opening and closing ------------------------------------------------------------------------

struct redis *redis_open_for_tool(struct loop *loop, const struct redis_address *address,
                                  const char *name, uint64_t deadline_ms, redis_on_state *on_state,
                                  redis_on_problem *on_problem, void *arg)
{
    struct redis *redis = memory_zeroed(sizeof *redis);
    redis->loop = loop;
    redis->address = *address;
    redis->name = memory_text(name);
    redis->deadline_ms = deadline_ms;
    redis->on_state = on_state;
    redis->on_problem = on_problem;
    redis->arg = arg;
    bytes_init(&redis->wire, REDIS_COMMAND_BYTES_MAX);
    redis->discovery = redis_discovery_open(loop, &redis->address);
    redis->login = (struct redis_login){
        .address = &redis->address,
        .name = redis->name,
        .is_for_tool = on_problem != NULL,
        .send = send_for_login,
        .on_end = on_login,
        .arg = redis,
        .clock = &redis->clock,
    };
    redis->clock.is_quiet = on_problem != NULL;
    redis->reconnect = loop_timer_open(loop, begin_round, redis);
    redis->watchdog = loop_timer_open(loop, watch_over, redis);
    loop_timer_start(redis->reconnect, 0);
    loop_timer_start(redis->watchdog, WATCHDOG_MS);
    return redis;
}

struct redis *redis_open(struct loop *loop, const struct redis_address *address, const char *name,
                         redis_on_state *on_state, void *arg)
{
    return redis_open_for_tool(loop, address, name, REDIS_COMMAND_DEADLINE_MS, on_state, NULL, arg);
}

void redis_reload(struct redis *redis, const struct redis_address *address)
{
    char problem[REDIS_TLS_PROBLEM_BYTES];
    struct redis_tls *tls = NULL;
    if (address->has_tls && !(tls = redis_tls_open(&address->tls_files, problem))) {
        log_error("the certificates for Redis cannot be used; the old ones stay",
                  log_text("error", problem));
        return;
    }
    bool was_finding = redis->state == FINDING;
    redis_discovery_close(redis->discovery);
    redis_tls_close(redis->tls);
    redis->tls = tls;
    redis->address = *address;
    redis->discovery = redis_discovery_open(redis->loop, &redis->address);
    if (was_finding) {
        begin_round(redis);
    }
}

void redis_close(struct redis *redis)
{
    redis->state = CLOSED;
    redis_discovery_close(redis->discovery);
    redis_link_close(redis->link);
    redis->link = NULL;
    answer_all_with_nothing(redis);
    loop_timer_close(redis->reconnect);
    loop_timer_close(redis->watchdog);
    redis_tls_close(redis->tls);
    redis_queue_release(&redis->out);
    memory_wipe(&redis->address, sizeof redis->address);
    bytes_release(&redis->wire);
    free(redis->name);
    free(redis);
}
