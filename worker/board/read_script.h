// A script that only reads, run by its digest: its text travels when Redis does not know it.
#ifndef DIALIN_BOARD_READ_SCRIPT_H
#define DIALIN_BOARD_READ_SCRIPT_H

#include "redis.h"
#include "script_text.h"

#define READ_SCRIPT_ARGS_MAX 32

struct read_script;

// `redis` is borrowed; so is `prefix` until this returns.
struct read_script *read_script_open(struct redis *redis, enum script_name name,
                                     const char *prefix);
void read_script_close(struct read_script *script); // after the connection

// As redis_send. To be called with each reply: read_script_look_at.
bool read_script_send(struct read_script *script, size_t count, const struct bytes_view *args,
                      redis_on_reply *on_reply, void *arg);

// Returns true if Redis has forgotten the script: it is to be sent once more.
bool read_script_look_at(struct read_script *script, const redisReply *reply);

#endif
