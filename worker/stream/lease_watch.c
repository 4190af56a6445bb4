// See lease_watch.h.
#include "lease_watch.h"

#include "memory.h"
#include "redis_reply.h"

#include <stdlib.h>

static uint64_t since(const struct lease_watch *watch, struct bytes_view consumer, uint64_t now_ms)
{
    for (size_t i = 0; i < watch->count; i++) {
        if (view_equal_text(consumer, watch->watched[i].consumer)) {
            return watch->watched[i].since_ms;
        }
    }
    return now_ms;
}

void lease_watch_init(struct lease_watch *watch, uint64_t patience_ms)
{
    *watch = (struct lease_watch){.patience_ms = patience_ms};
}

void lease_watch_note(struct lease_watch *watch, const redisReply *names, uint64_t now_ms)
{
    struct lease_watch next = {.patience_ms = watch->patience_ms, .looked_ms = now_ms};
    if (now_ms - watch->looked_ms > watch->patience_ms) {
        lease_watch_clear(watch);
    }
    for (size_t i = 0; i < reply_count(names) && next.count < LEASE_WATCH_MAX; i++) {
        struct bytes_view name = reply_view_at(names, i);
        next.watched[next.count++] = (struct lease_watched){
            .consumer = memory_text_of(name.data, name.len),
            .since_ms = since(watch, name, now_ms),
        };
    }
    lease_watch_clear(watch);
    *watch = next;
}

size_t lease_watch_dead(const struct lease_watch *watch, uint64_t now_ms, struct bytes_view *out)
{
    size_t count = 0;
    for (size_t i = 0; i < watch->count; i++) {
        if (now_ms - watch->watched[i].since_ms >= watch->patience_ms) {
            out[count++] = view_of_text(watch->watched[i].consumer);
        }
    }
    return count;
}

void lease_watch_clear(struct lease_watch *watch)
{
    for (size_t i = 0; i < watch->count; i++) {
        free(watch->watched[i].consumer);
    }
    watch->count = 0;
}
