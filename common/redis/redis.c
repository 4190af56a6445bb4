// The one file that knows hiredis' connections. A context cannot be pointed at a server again, so
// every trouble has the same cure: free the context, which answers all that is out with NULL, and
// make a new one after a pause that doubles from REDIS_RECONNECT_MS_MIN to _MAX. A connection
// counts as up only after the server has shown that it can do the work: right password, version,
// loaded, not a replica. hiredis 0.14 knows no timeouts, so a queue of what is out, in sending
// order, tells the oldest, and a timer looks at it.
//
// Surprising: hiredis frees a context by itself when connecting fails or the server hangs up, and
// tells through callbacks; `context` is NULL from that moment on.
#include "redis.h"

#include "log.h"
#include "memory.h"
#include "redis_clock.h"
#include "redis_info.h"
#include "redis_limit.h"
#include "redis_queue.h"
#include "redis_problem.h"
#include "redis_command.h"

#include <arpa/inet.h>
#include <assert.h>
#include <hiredis/async.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WATCHDOG_MS 250

enum state { WAITING, RESOLVING, CONNECTING, CHECKING, UP, CLOSED };

struct redis {
    struct loop *loop;
    struct redis_address address;
    char *name;
    redis_on_state *on_state;
    void *arg;
    enum state state;
    redisAsyncContext *context;
    struct loop_watch *watch; // of the context's socket
    int watching;
    struct loop_resolve *resolve;
    struct loop_timer *reconnect;
    struct loop_timer *watchdog;
    uint64_t pause_ms;
    uint64_t connecting_ms, up_ms; // since when
    struct bytes wire;             // the command that is being sent, in its form there
    struct redis_queue out;        // hiredis answers what is out in its order
    struct redis_limit limit;
    struct redis_clock clock;
    struct redis_trouble trouble;
};

static void connect_later(struct redis *redis);

static void report(struct redis *redis, const char *trouble)
{
    redis_trouble_say(&redis->trouble, redis->name, trouble);
}

// --- trouble ----------------------------------------------------------------------------------

// The context is gone, or about to be freed by hiredis: say so, and start over.
static void lost(struct redis *redis)
{
    bool was_up = redis->state == UP;
    redis->context = NULL;
    if (redis->state == CLOSED) {
        return;
    }
    if (was_up && loop_now_ms() - redis->up_ms > REDIS_RECONNECT_MS_MAX) {
        redis->pause_ms = 0; // one that comes and goes is left alone for longer and longer
        redis->trouble = (struct redis_trouble){0};
    }
    redis->state = WAITING;
    connect_later(redis);
    if (was_up && redis->on_state) {
        redis->on_state(false, redis->arg);
    }
}

static void give_up_context(struct redis *redis, const char *trouble)
{
    if (!redis->context) {
        return;
    }
    report(redis, trouble);
    redisAsyncContext *context = redis->context;
    bool was_connected = redis->state != CONNECTING;
    redisAsyncFree(context); // from inside a reply's callback hiredis does it when that returns
    if (!was_connected) {    // then hiredis does not tell
        lost(redis);
    }
}

// --- what is out ------------------------------------------------------------------------------

static void command_done(redisAsyncContext *context, void *reply, void *privdata)
{
    (void)context;
    struct redis *redis = privdata;
    const struct redis_command command = redis_queue_take(&redis->out);
    redis_limit_next(&redis->limit);
    enum redis_error error = reply && command.is_needed ? redis_error_of(reply) : REDIS_FINE;
    if (error == REDIS_REFUSED) {
        report(redis, ((const redisReply *)reply)->str);
    } else if (error == REDIS_ELSEWHERE) {
        give_up_context(redis, ((const redisReply *)reply)->str);
    }
    command.on_reply(reply, command.arg);
}

static bool context_takes_commands(const struct redis *redis)
{
    return redis->context && !(redis->context->c.flags & (REDIS_DISCONNECTING | REDIS_FREEING));
}

static bool send_words(struct redis *redis, size_t argc, const struct bytes_view *argv,
                       size_t word_count, struct bytes_view words,
                       const struct redis_command *command)
{
    assert(argc > 0 && argc <= REDIS_ARGUMENTS_MAX);
    bytes_clear(&redis->wire);
    if (!context_takes_commands(redis) ||
        !redis_command_append(&redis->wire, argc, argv, word_count) ||
        !bytes_append_view(&redis->wire, words) ||
        redisAsyncFormattedCommand(redis->context, command_done, redis, redis->wire.data,
                                   redis->wire.len) != REDIS_OK) {
        return false;
    }
    redis_queue_add(&redis->out, command);
    return true;
}

// Of the connection's own.
static bool send_command(struct redis *redis, size_t argc, const struct bytes_view *argv,
                         redis_on_reply *on_reply, void *arg)
{
    const struct redis_command command = {
        .on_reply = on_reply, .arg = arg, .sent_ms = loop_now_ms()};
    return send_words(redis, argc, argv, 0, VIEW(""), &command);
}

bool redis_send_words(struct redis *redis, size_t argc, const struct bytes_view *argv,
                      size_t word_count, struct bytes_view words, redis_on_reply *on_reply,
                      void *arg)
{
    const struct redis_command command = {
        .on_reply = on_reply, .arg = arg, .sent_ms = loop_now_ms(), .is_needed = true};
    return redis->state == UP && send_words(redis, argc, argv, word_count, words, &command);
}

bool redis_send(struct redis *redis, size_t argc, const struct bytes_view *argv,
                redis_on_reply *on_reply, void *arg)
{
    return redis_send_words(redis, argc, argv, 0, VIEW(""), on_reply, arg);
}

bool redis_is_up(const struct redis *redis)
{
    return redis->state == UP && context_takes_commands(redis);
}

// --- looking after it -------------------------------------------------------------------------

uint64_t redis_now_ms(const struct redis *redis)
{
    return redis_clock_now_ms(&redis->clock);
}

static void clock_answered(const redisReply *reply, void *arg)
{
    struct redis *redis = arg;
    if (reply) {
        redis_clock_take(&redis->clock, reply);
    }
}

static bool ask_the_clock(struct redis *redis)
{
    redis->clock.asked_ms = loop_now_ms();
    return send_command(redis, 1, &VIEW("TIME"), clock_answered, redis);
}

// A process that was stopped finds its answers in the socket, but timers come first: so a command
// must be found overdue twice, with a look at the socket in between.
static void watch_over(void *arg)
{
    struct redis *redis = arg;
    struct redis_command *oldest = redis->out.oldest;
    uint64_t now_ms = loop_now_ms();
    loop_timer_start(redis->watchdog, WATCHDOG_MS);
    if (oldest && oldest->is_overdue) {
        give_up_context(redis, "no answer within the deadline");
    } else if (oldest) {
        oldest->is_overdue = now_ms - oldest->sent_ms + WATCHDOG_MS >= REDIS_COMMAND_DEADLINE_MS;
    } else if (redis->state == CONNECTING &&
               now_ms - redis->connecting_ms > REDIS_CONNECT_DEADLINE_MS) {
        give_up_context(redis, "no connection within the deadline");
    }
    if (redis->state == UP && now_ms - redis->clock.asked_ms > REDIS_CLOCK_EVERY_MS) {
        ask_the_clock(redis);
    }
}

// --- connecting -------------------------------------------------------------------------------

static void on_fsync(const redisReply *reply, void *arg)
{
    const struct redis *redis = arg;
    if (reply) {
        redis_info_warn_of_fsync(reply, redis->name);
    }
}

static void checked(const redisReply *reply, void *arg)
{
    struct redis *redis = arg;
    if (!reply) {
        return; // the connection broke, which is handled where it broke
    }
    if (reply->type == REDIS_REPLY_ERROR) {
        give_up_context(redis, reply->str);
        return;
    }
    const char *trouble = reply->type == REDIS_REPLY_STRING ? redis_info_trouble(reply->str)
                                                            : "INFO is not understood";
    if (trouble) {
        give_up_context(redis, trouble);
        return;
    }
    redis_info_warn(reply->str, redis->name);
    if (redis_info_has_file(reply->str)) {
        const struct bytes_view config[] = {VIEW("CONFIG"), VIEW("GET"), VIEW("appendfsync")};
        send_command(redis, 3, config, on_fsync, redis);
    }
    redis->state = UP;
    redis->up_ms = loop_now_ms();
    log_info("connected to Redis", log_text("connection", redis->name));
    if (redis->on_state) {
        redis->on_state(true, redis->arg);
    }
}

static void must_succeed(const redisReply *reply, void *arg)
{
    if (reply && reply->type == REDIS_REPLY_ERROR) {
        give_up_context(arg, reply->str); // "WRONGPASS …", "ERR DB index is out of range"
    }
}

static void whatever(const redisReply *reply, void *arg)
{
    (void)reply, (void)arg;
}

static void introduce(struct redis *redis)
{
    const struct redis_address *address = &redis->address;
    redis->state = CHECKING;
    if (address->password[0] && address->user[0]) {
        const struct bytes_view auth[] = {VIEW("AUTH"), view_of_text(address->user),
                                          view_of_text(address->password)};
        send_command(redis, 3, auth, must_succeed, redis);
    } else if (address->password[0]) {
        const struct bytes_view auth[] = {VIEW("AUTH"), view_of_text(address->password)};
        send_command(redis, 2, auth, must_succeed, redis);
    }
    if (address->database > 0) {
        char number[16];
        snprintf(number, sizeof number, "%u", address->database);
        const struct bytes_view select[] = {VIEW("SELECT"), view_of_text(number)};
        send_command(redis, 2, select, must_succeed, redis);
    }
    const struct bytes_view set_name[] = {VIEW("CLIENT"), VIEW("SETNAME"),
                                          view_of_text(redis->name)};
    send_command(redis, 3, set_name, whatever, redis);
    ask_the_clock(redis);
    send_command(redis, 1, &VIEW("INFO"), checked, redis);
}

static void on_connected(const redisAsyncContext *context, int status)
{
    struct redis *redis = context->data;
    if (redis->context != context) {
        return;
    }
    if (status == REDIS_OK) {
        introduce(redis);
        return;
    }
    report(redis, context->errstr[0] ? context->errstr : "connection refused");
    lost(redis);
}

static void on_disconnected(const redisAsyncContext *context, int status)
{
    struct redis *redis = context->data;
    if (redis->context != context) {
        return;
    }
    if (status != REDIS_OK) {
        report(redis, redis->limit.trouble ? redis->limit.trouble : context->errstr);
    }
    lost(redis);
}

static void socket_ready(int events, void *arg)
{
    struct redis *redis = arg;
    redisAsyncContext *context = redis->context;
    if (context && events & LOOP_READABLE) {
        redisAsyncHandleRead(context);
    }
    if (redis->context == context && context &&
        redis_limit_is_passed(&redis->limit, context->c.reader)) {
        give_up_context(redis, redis->limit.trouble);
    }
    if (redis->context == context && context && events & LOOP_WRITABLE) {
        redisAsyncHandleWrite(context);
    }
}

static void watch_for(struct redis *redis, int events)
{
    redis->watching = events;
    if (redis->watch) {
        loop_watch_set(redis->watch, events);
    }
}

static void add_read(void *arg)
{
    struct redis *redis = arg;
    watch_for(redis, redis->watching | LOOP_READABLE);
}

static void delete_read(void *arg)
{
    struct redis *redis = arg;
    watch_for(redis, redis->watching & ~LOOP_READABLE);
}

static void add_write(void *arg)
{
    struct redis *redis = arg;
    watch_for(redis, redis->watching | LOOP_WRITABLE);
}

static void delete_write(void *arg)
{
    struct redis *redis = arg;
    watch_for(redis, redis->watching & ~LOOP_WRITABLE);
}

static void clean_up(void *arg)
{
    struct redis *redis = arg;
    loop_watch_close(redis->watch);
    redis->watch = NULL;
}

static void connect_to(struct redis *redis, const char *address)
{
    redisAsyncContext *context = redis->address.port
                                     ? redisAsyncConnect(address, redis->address.port)
                                     : redisAsyncConnectUnix(address);
    if (!context || context->err) {
        report(redis, context ? context->errstr : "out of memory");
        if (context) {
            redisAsyncFree(context);
        }
        redis->state = WAITING;
        connect_later(redis);
        return;
    }
    redis->context = context;
    redis->state = CONNECTING;
    context->data = redis;
    context->ev.data = redis;
    context->ev.addRead = add_read;
    context->ev.delRead = delete_read;
    context->ev.addWrite = add_write;
    context->ev.delWrite = delete_write;
    context->ev.cleanup = clean_up;
    redis_limit_watch(&redis->limit, context->c.reader, &redis->out.count);
    redis->watching = 0;
    redis->watch = loop_watch_open(redis->loop, context->c.fd, socket_ready, redis);
    redisAsyncSetConnectCallback(context, on_connected);
    redisAsyncSetDisconnectCallback(context, on_disconnected);
}

static void on_address(const char *address, void *arg)
{
    struct redis *redis = arg;
    redis->resolve = NULL;
    if (address) {
        connect_to(redis, address);
        return;
    }
    report(redis, "REDIS_URL: the host's name is not known");
    redis->state = WAITING;
    connect_later(redis);
}

static void connect_now(void *arg)
{
    struct redis *redis = arg;
    unsigned char number[sizeof(struct in6_addr)];
    const char *host = redis->address.host;
    redis->connecting_ms = loop_now_ms();
    if (redis->address.port == 0 || inet_pton(AF_INET, host, number) == 1 ||
        inet_pton(AF_INET6, host, number) == 1) {
        connect_to(redis, host);
        return;
    }
    redis->state = RESOLVING;
    redis->resolve = loop_resolve(redis->loop, host, on_address, redis);
    if (!redis->resolve) {
        on_address(NULL, redis);
    }
}

// From one attempt's beginning to that of the next: what was waited for in vain counts.
static void connect_later(struct redis *redis)
{
    uint64_t doubled_ms = redis->pause_ms ? redis->pause_ms * 2 : REDIS_RECONNECT_MS_MIN;
    uint64_t gone_ms = loop_now_ms() - redis->connecting_ms;
    redis->pause_ms = doubled_ms < REDIS_RECONNECT_MS_MAX ? doubled_ms : REDIS_RECONNECT_MS_MAX;
    loop_timer_start(redis->reconnect, gone_ms + REDIS_RECONNECT_MS_MIN < redis->pause_ms
                                           ? redis->pause_ms - gone_ms
                                           : REDIS_RECONNECT_MS_MIN);
}

struct redis *redis_open(struct loop *loop, const struct redis_address *address, const char *name,
                         redis_on_state *on_state, void *arg)
{
    struct redis *redis = memory_zeroed(sizeof *redis);
    redis->loop = loop;
    redis->address = *address;
    redis->name = memory_text(name);
    bytes_init(&redis->wire, REDIS_COMMAND_BYTES_MAX);
    redis->on_state = on_state;
    redis->arg = arg;
    redis->reconnect = loop_timer_open(loop, connect_now, redis);
    redis->watchdog = loop_timer_open(loop, watch_over, redis);
    loop_timer_start(redis->reconnect, 0);
    loop_timer_start(redis->watchdog, WATCHDOG_MS);
    return redis;
}

void redis_close(struct redis *redis)
{
    redis->state = CLOSED;
    loop_resolve_cancel(redis->resolve);
    if (redis->context) {
        redisAsyncFree(redis->context);
    }
    loop_timer_close(redis->reconnect);
    loop_timer_close(redis->watchdog);
    redis_queue_release(&redis->out);
    memory_wipe(&redis->address, sizeof redis->address);
    bytes_release(&redis->wire);
    free(redis->name);
    free(redis);
}
