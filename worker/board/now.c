// See now.h.
#include "now.h"

#include "json_line.h"
#include "memory.h"

#include <stdlib.h>

struct now {
    struct redis *redis;
    const char *prefix;
    now_on_text *on_text;
    void *arg;
};

struct now *now_open(struct redis *redis, const char *prefix, now_on_text *on_text, void *arg)
{
    struct now *now = memory_zeroed(sizeof *now);
    *now = (struct now){.redis = redis, .prefix = prefix, .on_text = on_text, .arg = arg};
    return now;
}

void now_close(struct now *now)
{
    free(now);
}

void now_ask(struct now *now)
{
    struct bytes text;
    const char *reason = redis_not_ready_reason(now->redis);
    bytes_init(&text, 4096);
    bytes_printf(
        &text, "{\"now_ms\":%llu,\"redis_problem\":", (unsigned long long)redis_now_ms(now->redis));
    bytes_append_text(&text, reason ? "true}" : "null}");
    now->on_text(bytes_view(&text), now->arg);
    bytes_release(&text);
}
