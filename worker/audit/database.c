// See database.h. hiredis' blocking face: the tool has nothing else to do while it waits. A signal
// does not end the wait for an answer at once, which is short; whoever asks looks for it between
// pages.
#include "database.h"

#include "interrupt.h"
#include "loop.h"
#include "memory.h"
#include "redis_command.h"
#include "script_error.h"

#include <assert.h>
#include <poll.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#define PROGRAM "dialin-audit"
#define KEYS_AT_ONCE 16
#define KEY_BYTES_MAX 1024
#define US_PER_S 1000000ULL
#define POLL_MS 200

static const char NO_KEY[] = "ERR no such key", NO_GROUP[] = "NOGROUP";

struct database {
    redisContext *context;
    char *prefix;
    struct bytes keys[KEYS_AT_ONCE];
    size_t next_key;
    int64_t offset_ms; // of Redis' time to the host's
    bool is_lost;
    struct bytes_view script; // the last one that was run: its errors name file and line
};

static void say(struct database *database, const char *sentence, const char *detail)
{
    if (!database->is_lost) {
        fprintf(stderr, PROGRAM ": %s%s%s\n", sentence, detail ? ": " : "", detail ? detail : "");
    }
    database->is_lost = true;
}

// --- questions and answers ----------------------------------------------------------------------

void database_send(struct database *database, size_t argc, const struct bytes_view *argv)
{
    const char *data[DATABASE_ARGUMENTS_MAX];
    size_t lens[DATABASE_ARGUMENTS_MAX];
    assert(argc <= DATABASE_ARGUMENTS_MAX);
    for (size_t i = 0; i < argc; i++) {
        data[i] = argv[i].data ? argv[i].data : "";
        lens[i] = argv[i].len;
    }
    if (!database->is_lost) {
        redisAppendCommandArgv(database->context, (int)argc, data, lens);
    }
}

// False: Redis does not answer, or not while whoever asked wants to leave.
static bool wait_for_bytes(const struct database *database)
{
    struct pollfd descriptor = {.fd = database->context->fd, .events = POLLIN};
    const uint64_t begun_us = loop_now_us();
    uint64_t now_us = begun_us, wanted_us = begun_us; // until then the answer was wanted
    while (now_us - begun_us < DATABASE_ANSWER_S * US_PER_S &&
           now_us - wanted_us < DATABASE_LEAVE_S * US_PER_S) {
        if (poll(&descriptor, 1, POLL_MS) > 0) {
            return true;
        }
        now_us = loop_now_us();
        wanted_us = interrupt_came() ? wanted_us : now_us;
    }
    return false;
}

// NULL where it is lost, or (*is_late) does not come.
static redisReply *receive(struct database *database, bool *is_late)
{
    redisContext *context = database->context;
    void *reply = NULL;
    int is_written = 0;
    bool is_good = redisReaderGetReply(context->reader, &reply) == REDIS_OK;
    while (is_good && !reply && !is_written) {
        is_good = redisBufferWrite(context, &is_written) == REDIS_OK;
    }
    while (is_good && !reply && !*is_late) {
        *is_late = !wait_for_bytes(database);
        is_good = !*is_late && redisBufferRead(context) == REDIS_OK &&
                  redisReaderGetReply(context->reader, &reply) == REDIS_OK;
    }
    return reply;
}

redisReply *database_receive_any(struct database *database)
{
    bool is_late = false;
    redisReply *reply = database->is_lost ? NULL : receive(database, &is_late);
    if (!reply) {
        const char *problem = database->context->errstr;
        say(database, is_late ? "Redis does not answer" : "the connection to Redis is lost",
            is_late || !problem[0] ? NULL : problem);
    }
    return reply;
}

static redisReply *without_error(struct database *database, redisReply *reply)
{
    if (reply && reply->type == REDIS_REPLY_ERROR) {
        char error[SCRIPT_ERROR_BYTES];
        script_error_explain(database->script, reply->str, error, sizeof error);
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

redisReply *database_page(struct database *database, const char *stream, struct entry_id from,
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
    return database_ask(database, sizeof argv / sizeof argv[0], argv);
}

uint64_t database_length(struct database *database, const char *stream)
{
    const struct bytes_view argv[] = {VIEW("XLEN"), database_key(database, stream, "")};
    redisReply *reply = database_ask(database, 2, argv);
    const uint64_t length = reply ? (uint64_t)reply->integer : 0;
    freeReplyObject(reply);
    return length;
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

static bool log_in(struct database *database, const struct redis_address *address)
{
    const struct bytes_view user = view_of_text(address->user);
    const struct bytes_view password = view_of_text(address->password);
    const struct bytes_view with_user[] = {VIEW("AUTH"), user, password};
    const struct bytes_view without[] = {VIEW("AUTH"), password};
    char number[24];
    bool is_good = true;
    if (password.len > 0) {
        database_send(database, user.len > 0 ? 3 : 2, user.len > 0 ? with_user : without);
        is_good = database_skip(database, 1);
    }
    if (is_good && address->database > 0) {
        snprintf(number, sizeof number, "%u", address->database);
        const struct bytes_view select[] = {VIEW("SELECT"), view_of_text(number)};
        database_send(database, 2, select);
        is_good = database_skip(database, 1);
    }
    return is_good;
}

static bool take_time(struct database *database)
{
    const struct bytes_view time[] = {VIEW("TIME")};
    redisReply *reply = database_ask(database, 1, time);
    bool is_good = reply && reply->elements == 2;
    if (is_good) {
        uint64_t us = view_number(reply_view(reply->element[0])) * 1000000 +
                      view_number(reply_view(reply->element[1]));
        database->offset_ms = (int64_t)(us / 1000) - (int64_t)loop_wall_ms();
    }
    freeReplyObject(reply);
    return is_good;
}

struct database *database_open(const struct redis_address *address, const char *prefix)
{
    const struct timeval connect = {.tv_sec = DATABASE_CONNECT_S};
    const struct timeval answer = {.tv_sec = DATABASE_ANSWER_S};
    struct database *database = memory_zeroed(sizeof *database);
    database->prefix = memory_text(prefix);
    for (size_t i = 0; i < KEYS_AT_ONCE; i++) {
        bytes_init(&database->keys[i], KEY_BYTES_MAX);
    }
    database->context = address->port
                            ? redisConnectWithTimeout(address->host, address->port, connect)
                            : redisConnectUnixWithTimeout(address->host, connect);
    if (!database->context || database->context->err) {
        say(database, "Redis cannot be reached (REDIS_URL)",
            database->context ? database->context->errstr : "out of memory");
    } else {
        redisSetTimeout(database->context, answer);
        fcntl(database->context->fd, F_SETFD, FD_CLOEXEC); // not for a replay's worker
    }
    if (database->is_lost || !log_in(database, address) || !take_time(database)) {
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
    for (size_t i = 0; i < KEYS_AT_ONCE; i++) {
        bytes_release(&database->keys[i]);
    }
    redisFree(database->context);
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

struct bytes_view database_key(struct database *database, const char *name, const char *rest)
{
    struct bytes *key = &database->keys[database->next_key++ % KEYS_AT_ONCE];
    bytes_clear(key);
    bytes_printf(key, "%s:%s%s", database->prefix, name, rest);
    return bytes_view(key);
}

uint64_t database_now_ms(const struct database *database)
{
    return (uint64_t)((int64_t)loop_wall_ms() + database->offset_ms);
}
