// The Lua scripts, built into the program (scripts.mk), run by EVALSHA on one connection.
#ifndef DIALIN_SCRIPT_H
#define DIALIN_SCRIPT_H

#include "redis.h"
#include "script_text.h"

struct scripts;

// The connection is borrowed. scripts_load is to be called whenever it has come up.
struct scripts *scripts_open(struct redis *redis);
void scripts_load(struct scripts *scripts);
bool scripts_are_loaded(const struct scripts *scripts);
void scripts_close(struct scripts *scripts); // after the connection

// As redis_send: false, and no callback, while the connection is down or the scripts are not loaded
// yet.
bool scripts_send(struct scripts *scripts, enum script_name name, size_t key_count,
                  const struct bytes_view *keys, size_t argc, const struct bytes_view *argv,
                  redis_on_reply *on_reply, void *arg);

// The same with everything behind the script in its form on the wire (redis_word_append): the
// number of keys, the keys, the arguments.
bool scripts_send_words(struct scripts *scripts, enum script_name name, size_t word_count,
                        struct bytes_view words, redis_on_reply *on_reply, void *arg);
bool scripts_can_send(const struct scripts *scripts);

// The text of an error reply, with file and line (`begin.lua:23`) if a script failed. Valid until
// the next call.
const char *scripts_error(struct scripts *scripts, const redisReply *reply);

// To be called with each reply: loads the scripts again where Redis has forgotten them.
void scripts_look_at(struct scripts *scripts, const redisReply *reply);

#endif
