// Readers of replies stand beside what sends commands; here nothing is sent.
#include "redis.h"

bool redis_send(struct redis *redis, size_t argc, const struct bytes_view *argv,
                redis_on_reply *on_reply, void *arg)
{
    (void)redis, (void)argc, (void)argv, (void)on_reply, (void)arg;
    return false;
}
