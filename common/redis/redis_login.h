// The first commands of a new connection: password, database, name, time; and whether the server
// then shows that it can do the work.
#ifndef DIALIN_REDIS_LOGIN_H
#define DIALIN_REDIS_LOGIN_H

#include "redis.h"
#include "redis_clock.h"

#include <stdbool.h>

// Sends one command; `on_reply` gets NULL if the connection breaks first.
typedef bool redis_login_send(size_t argc, const struct bytes_view *argv, redis_on_reply *on_reply,
                              void *on_reply_arg, void *arg);
// The end: `problem` is NULL if the server is good, else the server's error or a sentence. Not
// called if the connection breaks.
typedef void redis_login_on_end(const char *problem, void *arg);

struct redis_login {
    const struct redis_address *address;
    const char *name;
    bool is_for_tool; // a replica is good enough, and nothing is warned of
    redis_login_send *send;
    redis_login_on_end *on_end;
    void *arg;
    struct redis_clock *clock;
    bool is_over, is_warned;
};

// Plain memory, zeroed but for the caller's members; kept over reconnects, so that a warning is not
// repeated.
void redis_login_begin(struct redis_login *login);

// Asks for Redis' time, now.
bool redis_login_ask_time(struct redis_login *login);

#endif
