// One connection to Redis that heals itself. It finds the server (redis_discovery.h), connects,
// logs in, checks the server, and reports it; when it breaks it comes back within
// REDIS_RECONNECT_MS_MAX of Redis being reachable. All commands of one turn of the loop leave in
// one write, in the order they were given.
#ifndef DIALIN_REDIS_H
#define DIALIN_REDIS_H

#include "bytes.h"
#include "loop.h"
#include "redis_address.h"
#include "redis_clock.h"
#include "redis_reply.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REDIS_RECONNECT_MS_MIN 20
#define REDIS_RECONNECT_MS_MAX 500
#define REDIS_COMMAND_DEADLINE_MS                                                                  \
    3000 // then the connection is given up and made anew: in time for
         // a command that waits 5 s, and longer than a read that blocks
#define REDIS_CHECK_DEADLINE_MS                                                                    \
    1000                    // for log-in and checks if a failover may find us another server
#define REDIS_VERSION_MIN 7 // for script flags (allow-oom) and effects replication
#define REDIS_ARGUMENTS_MAX 64
#define REDIS_COMMAND_BYTES_MAX (16 * 1024 * 1024)

struct redis;
typedef void redis_on_state(bool up, void *arg); // up: commands are taken; called at each change
typedef void redis_on_reply(const redisReply *reply, void *arg);

// `name` is shown in logs and CLIENT LIST. The address is copied. `on_state` may be NULL.
struct redis *redis_open(struct loop *loop, const struct redis_address *address, const char *name,
                         redis_on_state *on_state, void *arg);

// For a tool that asks its questions and leaves: replicas serve it too, it does not come back, and
// it warns of nothing. `on_problem` is called instead of a line in the log, once, when it cannot
// connect or the connection is lost; `refuses` tells a server that refuses from one that is not
// there. A command may take `deadline_ms`.
typedef void redis_on_problem(const char *problem, bool refuses, void *arg);
struct redis *redis_open_for_tool(struct loop *loop, const struct redis_address *address,
                                  const char *name, uint64_t deadline_ms, redis_on_state *on_state,
                                  redis_on_problem *on_problem, void *arg);

// From now on new connections use this address, and certificates are read again. If these cannot be
// used, that is logged, and the old ones stay.
void redis_reload(struct redis *redis, const struct redis_address *address);

// Callbacks of commands in flight come with NULL before this returns.
void redis_close(struct redis *redis);

bool redis_is_up(const struct redis *redis);

// The reason why commands are not carried out, in a sentence with the server's own words; NULL if
// it is up and refuses nothing. Borrowed until the next call.
const char *redis_not_ready_reason(struct redis *redis);

// Sends one command; the arguments are copied. False, and no callback, while the connection is
// down. Otherwise exactly one callback, never from inside this call: the reply, borrowed for the
// callback, or NULL if the answer is lost and the command may or may not have been carried out.
// Error replies are replies.
bool redis_send(struct redis *redis, size_t argc, const struct bytes_view *argv,
                redis_on_reply *on_reply, void *arg);

// The same for a command that is not the program's work: that Redis refuses it, for a lack of
// rights perhaps, does not make the program not ready, and is not logged.
bool redis_send_aside(struct redis *redis, size_t argc, const struct bytes_view *argv,
                      redis_on_reply *on_reply, void *arg);

// From inside a callback: the reply is the caller's now, to be freed with freeReplyObject().
void redis_keep_reply(struct redis *redis);

// The same for a command of any length: after `argv` follow `arg_count` arguments that are in
// their form on the wire already (redis_arg_append). REDIS_COMMAND_BYTES_MAX holds for the whole.
bool redis_send_args(struct redis *redis, size_t argc, const struct bytes_view *argv,
                     size_t arg_count, struct bytes_view args, redis_on_reply *on_reply, void *arg);

// Redis' time, by an offset to its TIME that is taken at each connect and every second; between
// them the monotonic clock counts. Before the first answer it is the host's wall clock.
uint64_t redis_now_ms(const struct redis *redis);

// For a second connection of a program, whose time nobody asks for: it is taken at each connect
// only, and steps are not logged twice.
void redis_ignore_time(struct redis *redis);

// Redis' clock may step; this one knows how to read stamps from before.
const struct redis_clock *redis_clock(const struct redis *redis);

// For metrics.
struct redis_figures {
    bool is_up;
    uint64_t connects;
    uint64_t ping_us;  // the last round trip
    int64_t offset_ms; // Redis' time less this host's
};
struct redis_figures redis_figures(const struct redis *redis);

#endif
