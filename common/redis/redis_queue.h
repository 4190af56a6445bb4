// The commands that a connection has sent and that are not answered yet, in their order. Pure.
#ifndef DIALIN_REDIS_QUEUE_H
#define DIALIN_REDIS_QUEUE_H

#include "redis.h"

struct redis_command {
    struct redis_command *next;
    redis_on_reply *on_reply;
    void *arg;
    uint64_t sent_ms;
    uint64_t kind; // redis_health.h; 0: one of the connection's own
    bool is_overdue;
};

// All zero is an empty one.
struct redis_queue {
    struct redis_command *oldest, *newest;
    struct redis_command *spare; // kept for the next
    size_t count;
};

void redis_queue_add(struct redis_queue *queue, const struct redis_command *command);

// The oldest, which there must be.
struct redis_command redis_queue_take(struct redis_queue *queue);

// There must be none left.
void redis_queue_release(struct redis_queue *queue);

#endif
