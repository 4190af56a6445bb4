// The Lua scripts, built into the program (scripts.mk), run by EVALSHA on one connection.
#ifndef DIALIN_SCRIPT_H
#define DIALIN_SCRIPT_H

#include "redis.h"
#include "script_text.h"

#define SCRIPTS_AGAIN_MS 1000 // after Redis did not take them
#define SCRIPT_ARGUMENTS_MAX 59

struct scripts;

// The connection is borrowed. scripts_load is to be called whenever it has come up.
struct scripts *scripts_open(struct redis *redis, const char *prefix);
void scripts_load(struct scripts *scripts);
bool scripts_are_loaded(const struct scripts *scripts);
void scripts_close(struct scripts *scripts); // after the connection

// As redis_send: returns false, without a callback, while the connection is down or the scripts are
// not loaded yet. At most SCRIPT_ARGUMENTS_MAX arguments. A script is given the stream of
// webhooks; it makes the other keys itself.
bool scripts_send(struct scripts *scripts, enum script_name name, size_t argc,
                  const struct bytes_view *argv, redis_on_reply *on_reply, void *arg);

// The same with the arguments in their form on the wire (redis_arg_append).
bool scripts_send_args(struct scripts *scripts, enum script_name name, size_t arg_count,
                       struct bytes_view args, redis_on_reply *on_reply, void *arg);
bool scripts_can_send(const struct scripts *scripts);

// The text of an error reply, with file and line (`begin.lua:23`) if a script failed. Valid until
// the next call.
const char *scripts_error(struct scripts *scripts, const redisReply *reply);

// From inside a callback: as redis_keep_reply.
void scripts_keep_reply(struct scripts *scripts);

// To be called with each reply: loads the scripts again if Redis has forgotten them.
void scripts_look_at(struct scripts *scripts, const redisReply *reply);

#endif
