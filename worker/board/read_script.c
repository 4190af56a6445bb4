// See read_script.h.
#include "read_script.h"

#include "memory.h"
#include "redis_keys.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define DIGEST_BYTES 41
#define HEAD 5 // EVALSHA_RO, the digest, the number of keys, the keys

struct read_script {
    struct redis *redis;
    struct bytes_view text;
    struct bytes webhooks, never;
    char digest[DIGEST_BYTES]; // "": not known
    bool is_loading;
};

struct read_script *read_script_open(struct redis *redis, enum script_name name, const char *prefix)
{
    struct read_script *script = memory_zeroed(sizeof *script);
    script->redis = redis;
    script->text = script_text(name);
    redis_key_init(&script->webhooks, prefix, REDIS_KEY_WEBHOOKS);
    redis_key_init(&script->never, prefix, REDIS_KEY_NEVER);
    return script;
}

void read_script_close(struct read_script *script)
{
    bytes_release(&script->webhooks);
    bytes_release(&script->never);
    free(script);
}

static void on_loaded(const redisReply *reply, void *arg)
{
    struct read_script *script = arg;
    script->is_loading = reply && reply_is_error(reply); // not again: the text does as well
    reply_copy(reply, script->digest, sizeof script->digest);
}

// Until the digest is known, the text is sent with the arguments.
static void load(struct read_script *script)
{
    const struct bytes_view argv[] = {VIEW("SCRIPT"), VIEW("LOAD"), script->text};
    if (!script->is_loading) {
        script->is_loading = redis_send_aside(script->redis, 3, argv, on_loaded, script);
    }
}

bool read_script_send(struct read_script *script, size_t count, const struct bytes_view *args,
                      redis_on_reply *on_reply, void *arg)
{
    struct bytes_view argv[HEAD + READ_SCRIPT_ARGS_MAX];
    bool has_digest = script->digest[0] != '\0';
    assert(count <= READ_SCRIPT_ARGS_MAX);
    if (!has_digest) {
        load(script);
    }
    argv[0] = has_digest ? VIEW("EVALSHA_RO") : VIEW("EVAL_RO");
    argv[1] = has_digest ? view_of_text(script->digest) : script->text;
    argv[2] = VIEW(REDIS_SCRIPT_KEYS);
    argv[3] = bytes_view(&script->webhooks);
    argv[4] = bytes_view(&script->never);
    memcpy(argv + HEAD, args, count * sizeof *args);
    return redis_send(script->redis, HEAD + count, argv, on_reply, arg);
}

bool read_script_look_at(struct read_script *script, const redisReply *reply)
{
    bool is_forgotten = reply && redis_error_of(reply) == REDIS_NOSCRIPT;
    if (is_forgotten) {
        script->digest[0] = '\0';
    }
    return is_forgotten;
}
