// One connection to one address of Redis: bytes out, replies in, with TLS if that is wanted. It
// knows no command and does not come back when it breaks.
#ifndef DIALIN_REDIS_LINK_H
#define DIALIN_REDIS_LINK_H

#include "bytes.h"
#include "loop.h"
#include "redis_tls.h"

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REDIS_LINK_CONNECT_MS 500                  // to one address
#define REDIS_LINK_TLS_MS 2000                     // for the handshake after that
#define REDIS_LINK_BYTES_MAX (256UL * 1024 * 1024) // written and not sent yet

// The destination of a connection. Plain memory.
struct redis_target {
    char address[256]; // numeric, or the path of a unix socket
    uint16_t port;     // 0: a unix socket
    char name[256];    // for which the server's certificate must be
};

#define REDIS_TARGET_TEXT_BYTES 300
// "10.0.0.1:6379", "[::1]:6379" or a path.
void redis_target_print(const struct redis_target *target, char text[REDIS_TARGET_TEXT_BYTES]);

struct redis_link;
struct redis_link_events {
    void (*on_open)(void *arg); // it takes commands
    // A reply to the oldest command that has none, freed after the callback, unless
    // redis_link_keep_reply is called in it.
    void (*on_reply)(redisReply *reply, void *arg);
    // Once: the link cannot be used any longer: close it. `problem` is a sentence with the
    // address, borrowed.
    void (*on_broken)(const char *problem, void *arg);
};

// Never calls back from inside this call. `tls` is NULL for none, and is borrowed for the call
// only.
struct redis_link *redis_link_open(struct loop *loop, const struct redis_target *target,
                                   struct redis_tls *tls, const struct redis_link_events *events,
                                   void *arg);

// No callback follows. Allowed from inside every callback.
void redis_link_close(struct redis_link *link); // NULL is allowed

// `bytes` hold one whole command. They leave together with all else of this turn of the loop.
// False: it takes no commands: not yet, or no longer.
bool redis_link_send(struct redis_link *link, struct bytes_view bytes);

void redis_link_keep_reply(struct redis_link *link); // its owner is the caller now

// True once it is open and until it breaks.
bool redis_link_is_open(const struct redis_link *link);

#endif
