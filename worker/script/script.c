// See script.h. SCRIPT LOAD answers the digest by which they are run; a Redis that was restarted or
// flushed says NOSCRIPT, and then they are loaded again.
#include "script.h"

#include "log.h"
#include "memory.h"
#include "redis_command.h"
#include "redis_keys.h"
#include "script_error.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define DIGEST_BYTES 41
#define HEAD_ARGUMENTS 5 // EVALSHA, the digest, the number of keys, the keys

struct script {
    struct scripts *scripts;
    struct bytes_view text;
    char digest[DIGEST_BYTES];
};

struct scripts {
    struct redis *redis;
    struct bytes webhooks, never; // the keys that each is given
    struct script script[SCRIPT_COUNT];
    unsigned loading;
    uint64_t loading_ms; // when that began
    char error[SCRIPT_ERROR_BYTES];
    unsigned loaded;
};

struct scripts *scripts_open(struct redis *redis, const char *prefix)
{
    struct scripts *scripts = memory_zeroed(sizeof *scripts);
    scripts->redis = redis;
    redis_key_init(&scripts->webhooks, prefix, REDIS_KEY_WEBHOOKS);
    redis_key_init(&scripts->never, prefix, REDIS_KEY_NEVER);
    for (unsigned i = 0; i < SCRIPT_COUNT; i++) {
        scripts->script[i].scripts = scripts;
        scripts->script[i].text = script_text((enum script_name)i);
    }
    return scripts;
}

void scripts_close(struct scripts *scripts)
{
    bytes_release(&scripts->webhooks);
    bytes_release(&scripts->never);
    free(scripts);
}

static void on_loaded(const redisReply *reply, void *arg)
{
    struct script *script = arg;
    script->scripts->loading--;
    if (reply && reply->type == REDIS_REPLY_STRING && reply->len == DIGEST_BYTES - 1) {
        memcpy(script->digest, reply->str, DIGEST_BYTES);
        script->scripts->loaded++;
    } else if (reply && reply->type == REDIS_REPLY_ERROR) {
        script_error_explain(script->text, reply->str, script->scripts->error,
                             sizeof script->scripts->error);
        log_error("Redis rejected a script", log_text("error", script->scripts->error));
    }
}

void scripts_load(struct scripts *scripts)
{
    if (scripts->loading > 0) {
        return;
    }
    scripts->loaded = 0;
    scripts->loading_ms = loop_now_ms();
    for (unsigned i = 0; i < SCRIPT_COUNT; i++) {
        const struct bytes_view argv[] = {VIEW("SCRIPT"), VIEW("LOAD"), scripts->script[i].text};
        scripts->loading +=
            redis_send(scripts->redis, 3, argv, on_loaded, &scripts->script[i]) ? 1 : 0;
    }
}

// Redis did not take all of them, and may do so now.
static void load_again(struct scripts *scripts)
{
    if (redis_is_up(scripts->redis) && loop_now_ms() - scripts->loading_ms > SCRIPTS_AGAIN_MS) {
        scripts_load(scripts);
    }
}

bool scripts_are_loaded(const struct scripts *scripts)
{
    return scripts->loaded == SCRIPT_COUNT;
}

static void write_head(const struct scripts *scripts, enum script_name name,
                       struct bytes_view head[HEAD_ARGUMENTS])
{
    head[0] = VIEW("EVALSHA");
    head[1] = view_of_text(scripts->script[name].digest);
    head[2] = VIEW(REDIS_SCRIPT_KEYS);
    head[3] = bytes_view(&scripts->webhooks);
    head[4] = bytes_view(&scripts->never);
}

bool scripts_send(struct scripts *scripts, enum script_name name, size_t argc,
                  const struct bytes_view *argv, redis_on_reply *on_reply, void *arg)
{
    struct bytes_view command[REDIS_ARGUMENTS_MAX];
    static_assert(HEAD_ARGUMENTS + SCRIPT_ARGUMENTS_MAX <= REDIS_ARGUMENTS_MAX, "it fits");
    assert(argc <= SCRIPT_ARGUMENTS_MAX);
    if (!scripts_are_loaded(scripts)) {
        load_again(scripts);
        return false;
    }
    write_head(scripts, name, command);
    if (argc > 0) { // else `argv` may be NULL
        memcpy(command + HEAD_ARGUMENTS, argv, argc * sizeof *argv);
    }
    return redis_send(scripts->redis, HEAD_ARGUMENTS + argc, command, on_reply, arg);
}

bool scripts_send_args(struct scripts *scripts, enum script_name name, size_t arg_count,
                       struct bytes_view args, redis_on_reply *on_reply, void *arg)
{
    struct bytes_view head[HEAD_ARGUMENTS];
    write_head(scripts, name, head);
    return scripts_are_loaded(scripts) &&
           redis_send_args(scripts->redis, HEAD_ARGUMENTS, head, arg_count, args, on_reply, arg);
}

bool scripts_can_send(const struct scripts *scripts)
{
    return scripts_are_loaded(scripts) && redis_is_up(scripts->redis);
}

// An error names the script that it came from by its digest.
const char *scripts_error(struct scripts *scripts, const redisReply *reply)
{
    for (unsigned i = 0; i < SCRIPT_COUNT; i++) {
        const struct script *script = &scripts->script[i];
        if (script->digest[0] && strstr(reply->str, script->digest)) {
            script_error_explain(script->text, reply->str, scripts->error, sizeof scripts->error);
            return scripts->error;
        }
    }
    return reply->str;
}

void scripts_keep_reply(struct scripts *scripts)
{
    redis_keep_reply(scripts->redis);
}

void scripts_look_at(struct scripts *scripts, const redisReply *reply)
{
    if (reply && redis_error_of(reply) == REDIS_NOSCRIPT) {
        scripts_load(scripts);
    }
}
