// See database.h. The connection is that of the programs (redis.h), on a loop that runs only while
// an answer is waited for. A signal does not end the wait for an answer at once, which is short;
// the caller checks for it between pages.
#include "database.h"

#include "interrupt.h"
#include "loop.h"
#include "memory.h"
#include "redis.h"
#include "redis_command.h"
#include "screen.h"
#include "script_error.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROGRAM "dialin-audit"
#define KEYS_AT_ONCE 16
#define KEY_BYTES_MAX 1024
#define MS_PER_S 1000ULL
#define ADVICE_BYTES 100
#define LOOK_MS 200 // how often a wait looks for an interrupt

static const char NO_KEY[] = "ERR no such key", NO_GROUP[] = "NOGROUP";

struct answer {
    struct answer *next;
    redisReply *reply;
};

struct database {
    struct loop *loop;
    struct redis *redis;
    struct loop_timer *look;
    char *prefix;
    struct bytes fixed_keys[REDIS_KEY_COUNT]; // those without a rest
    struct bytes keys[KEYS_AT_ONCE];
    size_t next_key;
    struct bytes args; // the further arguments of a long command, in their form on the wire
    struct answer *first, *last;  // that have come and were not received yet
    uint64_t begun_ms, wanted_ms; // of a wait: since when, and until when it was wanted
    bool is_up, is_late, is_lost, is_cluster;
    struct bytes_view script; // the last one that was run: its errors name file and line
};

static void say(struct database *database, const char *sentence, const char *detail)
{
    if (!database->is_lost) {
        screen_complain("%s%s%s", sentence, detail ? ": " : "", detail ? detail : "");
    }
    database->is_lost = true;
}

// --- waiting ------------------------------------------------------------------------------------

static void look(void *arg)
{
    struct database *database = arg;
    const uint64_t now_ms = loop_now_ms();
    database->wanted_ms = interrupt_came() ? database->wanted_ms : now_ms;
    database->is_late = now_ms - database->begun_ms > DATABASE_ANSWER_S * MS_PER_S ||
                        now_ms - database->wanted_ms > DATABASE_LEAVE_S * MS_PER_S;
    if (database->is_late) {
        loop_stop(database->loop);
    } else {
        loop_timer_start(database->look, LOOK_MS);
    }
}

// Until a callback stops the loop: something has come, or it is late.
static void wait_for_redis(struct database *database)
{
    loop_timer_start(database->look, LOOK_MS);
    loop_run(database->loop);
    loop_timer_stop(database->look);
}

static void begin_to_wait(struct database *database)
{
    database->is_late = false;
    database->begun_ms = database->wanted_ms = loop_now_ms();
}

static void on_state(bool up, void *arg)
{
    struct database *database = arg;
    database->is_up = up;
    loop_stop(database->loop);
}

static void on_problem(const char *problem, bool refuses, void *arg)
{
    struct database *database = arg;
    say(database,
        database->is_up ? "the connection to Redis is lost"
        : refuses       ? "Redis refuses"
                        : "Redis cannot be reached (REDIS_URL)",
        problem);
    loop_stop(database->loop);
}

// --- questions and answers ----------------------------------------------------------------------

static void on_reply(const redisReply *reply, void *arg)
{
    struct database *database = arg;
    struct answer *answer = reply ? memory_zeroed(sizeof *answer) : NULL;
    if (answer) {
        redis_keep_reply(database->redis);
        answer->reply = (redisReply *)(uintptr_t)reply; // ours now
        *(database->last ? &database->last->next : &database->first) = answer;
        database->last = answer;
    }
    loop_stop(database->loop);
}

void database_send(struct database *database, size_t argc, const struct bytes_view *argv)
{
    const size_t head = argc < REDIS_ARGUMENTS_MAX ? argc : REDIS_ARGUMENTS_MAX;
    bool is_sent = true;
    assert(argc <= DATABASE_ARGUMENTS_MAX);
    bytes_clear(&database->args);
    for (size_t i = head; i < argc; i++) {
        is_sent = is_sent && redis_arg_append(&database->args, argv[i]);
    }
    if (!database->is_lost &&
        (!is_sent || !redis_send_args(database->redis, head, argv, argc - head,
                                      bytes_view(&database->args), on_reply, database))) {
        say(database, "the connection to Redis is lost", NULL);
    }
}

static redisReply *take_first(struct database *database)
{
    struct answer *answer = database->first;
    redisReply *reply = answer ? answer->reply : NULL;
    if (answer) {
        database->first = answer->next;
        database->last = database->first ? database->last : NULL;
        free(answer);
    }
    return reply;
}

redisReply *database_receive_any(struct database *database)
{
    begin_to_wait(database);
    while (!database->first && !database->is_lost && !database->is_late) {
        wait_for_redis(database);
    }
    redisReply *reply = database->is_lost ? NULL : take_first(database);
    if (!reply) {
        say(database, "Redis does not answer", NULL);
    }
    return reply;
}

// What to do about a MOVED.
static const char *advice(const struct database *database, const redisReply *reply)
{
    return !redis_error_is_moved(reply) ? ""
           : database->is_cluster
               ? " (our slot has just moved to another node of the cluster: run this again)"
               : " (this is a node of a cluster: REDIS_URL must begin with redis+cluster://)";
}

static redisReply *without_error(struct database *database, redisReply *reply)
{
    if (reply && reply_is_error(reply)) {
        char error[SCRIPT_ERROR_BYTES + ADVICE_BYTES];
        script_error_explain(database->script, reply->str, error, SCRIPT_ERROR_BYTES);
        const size_t len = strlen(error);
        snprintf(error + len, sizeof error - len, "%s", advice(database, reply));
        say(database, "Redis refuses", error);
        freeReplyObject(reply);
        return NULL;
    }
    return reply;
}

redisReply *database_receive(struct database *database)
{
    return without_error(database, database_receive_any(database));
}

static redisReply *understood(struct database *database, redisReply *reply, bool is_understood)
{
    if (reply && !is_understood) {
        say(database, "the reply of Redis is not understood", NULL);
        freeReplyObject(reply);
        return NULL;
    }
    return reply;
}

redisReply *database_receive_shaped(struct database *database, const char *shape)
{
    redisReply *reply = database_receive(database);
    return understood(database, reply, reply_has_shape(reply, shape));
}

redisReply *database_ask_shaped(struct database *database, const char *shape, size_t argc,
                                const struct bytes_view *argv)
{
    database_send(database, argc, argv);
    return database_receive_shaped(database, shape);
}

// Of XINFO, and of whatever needs a group.
static bool says_absent(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_ERROR &&
           (!strncmp(reply->str, NO_KEY, sizeof NO_KEY - 1) ||
            !strncmp(reply->str, NO_GROUP, sizeof NO_GROUP - 1));
}

redisReply *database_receive_or_absent(struct database *database)
{
    redisReply *reply = database_receive_any(database);
    return reply && says_absent(reply) ? reply : without_error(database, reply);
}

redisReply *database_run(struct database *database, struct bytes_view script, size_t argc,
                         const struct bytes_view *argv)
{
    database->script = script;
    return database_ask(database, argc, argv);
}

redisReply *database_ask(struct database *database, size_t argc, const struct bytes_view *argv)
{
    database_send(database, argc, argv);
    return database_receive(database);
}

void database_page_send(struct database *database, enum redis_key stream, struct entry_id from,
                        struct entry_id to, enum database_order order)
{
    char first[ENTRY_ID_BYTES], last[ENTRY_ID_BYTES], count[REDIS_NUMBER_BYTES];
    const bool is_forward = order == OLDEST_FIRST;
    entry_id_print(from, first);
    entry_id_print(to, last);
    const struct bytes_view argv[] = {is_forward ? VIEW("XRANGE") : VIEW("XREVRANGE"),
                                      database_key(database, stream, ""),
                                      view_of_text(is_forward ? first : last),
                                      view_of_text(is_forward ? last : first),
                                      VIEW("COUNT"),
                                      redis_number(count, DATABASE_PAGE)};
    database_send(database, sizeof argv / sizeof argv[0], argv);
}

redisReply *database_page(struct database *database, enum redis_key stream, struct entry_id from,
                          struct entry_id to, enum database_order order)
{
    database_page_send(database, stream, from, to, order);
    return database_receive_page(database);
}

redisReply *database_receive_page(struct database *database)
{
    redisReply *reply = database_receive_shaped(database, REPLY_ROWS);
    return understood(database, reply, reply_count(reply) <= DATABASE_PAGE);
}

uint64_t database_length(struct database *database, enum redis_key stream)
{
    const struct bytes_view argv[] = {VIEW("XLEN"), database_key(database, stream, "")};
    redisReply *reply = database_ask(database, 2, argv);
    int64_t length = 0;
    reply_integer(reply, 0, INT64_MAX, &length);
    freeReplyObject(reply);
    return (uint64_t)length;
}

bool database_skip(struct database *database, size_t count)
{
    bool is_good = true;
    for (size_t i = 0; i < count; i++) {
        redisReply *reply = database_receive(database);
        is_good = is_good && reply;
        freeReplyObject(reply);
    }
    return is_good;
}

// --- the connection -----------------------------------------------------------------------------

struct database *database_open(const struct redis_address *address, const char *prefix)
{
    struct database *database = memory_zeroed(sizeof *database);
    database->prefix = memory_text(prefix);
    database->is_cluster = address->kind == REDIS_CLUSTER;
    for (size_t i = 0; i < REDIS_KEY_COUNT; i++) {
        redis_key_init(&database->fixed_keys[i], prefix, (enum redis_key)i);
    }
    for (size_t i = 0; i < KEYS_AT_ONCE; i++) {
        bytes_init(&database->keys[i], KEY_BYTES_MAX);
    }
    bytes_init(&database->args, REDIS_COMMAND_BYTES_MAX);
    database->loop = loop_open();
    database->look = loop_timer_open(database->loop, look, database);
    database->redis = redis_open_for_tool(database->loop, address, PROGRAM,
                                          (DATABASE_ANSWER_S + DATABASE_LEAVE_S) * MS_PER_S,
                                          on_state, on_problem, database);
    begin_to_wait(database);
    while (!database->is_up && !database->is_lost && !database->is_late) {
        wait_for_redis(database);
    }
    if (database->is_late) {
        say(database, "Redis does not answer", NULL);
    }
    if (database->is_lost) {
        database_close(database);
        return NULL;
    }
    return database;
}

void database_close(struct database *database)
{
    if (!database) {
        return;
    }
    redis_close(database->redis);
    while (database->first) {
        freeReplyObject(take_first(database));
    }
    loop_timer_close(database->look);
    loop_close(database->loop);
    for (size_t i = 0; i < REDIS_KEY_COUNT; i++) {
        bytes_release(&database->fixed_keys[i]);
    }
    for (size_t i = 0; i < KEYS_AT_ONCE; i++) {
        bytes_release(&database->keys[i]);
    }
    bytes_release(&database->args);
    free(database->prefix);
    free(database);
}

const char *database_prefix(const struct database *database)
{
    return database->prefix;
}

bool database_is_lost(const struct database *database)
{
    return database->is_lost;
}

struct bytes_view database_key(struct database *database, enum redis_key name, const char *rest)
{
    if (*rest == '\0') {
        return bytes_view(&database->fixed_keys[name]);
    }
    struct bytes *key = &database->keys[database->next_key++ % KEYS_AT_ONCE];
    redis_key_set(key, database->prefix, name, view_of_text(rest));
    return bytes_view(key);
}

uint64_t database_now_ms(const struct database *database)
{
    return redis_now_ms(database->redis);
}
