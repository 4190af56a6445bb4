// See online.h. The trials write nothing: Redis refuses the id 0-0 after it has looked at the rest.
#include "online.h"

#include "redis_check.h"
#include "redis_keys.h"
#include "settings.h"

static void key_of(struct bytes *key, const struct settings *settings, enum redis_key name,
                   const char *rest)
{
    bytes_init(key, REDIS_KEY_BYTES_MAX);
    redis_key_set(key, settings->common.redis_prefix, name, view_of_text(rest));
}

void online_check(const void *arg, struct findings *findings)
{
    const struct settings *settings = arg;
    struct bytes webhooks, refused, daily, low, call;
    key_of(&webhooks, settings, REDIS_KEY_WEBHOOKS, "");
    key_of(&refused, settings, REDIS_KEY_REFUSED, "");
    key_of(&daily, settings, REDIS_KEY_DAILY, "");
    key_of(&low, settings, REDIS_KEY_LOW, "");
    key_of(&call, settings, REDIS_KEY_CALL, "~");
    const struct bytes_view add[] = {VIEW("XADD"), bytes_view(&webhooks), VIEW("0-0"), VIEW("v"),
                                     VIEW("1")};
    const struct bytes_view note[] = {VIEW("XADD"), bytes_view(&refused), VIEW("0-0"), VIEW("v"),
                                      VIEW("1")};
    const struct bytes_view event[] = {VIEW("XADD"), bytes_view(&daily), VIEW("0-0"), VIEW("v"),
                                       VIEW("1")};
    const struct bytes_view range[] = {VIEW("XRANGE"), bytes_view(&webhooks), VIEW("-"), VIEW("-")};
    const struct bytes_view get[] = {VIEW("GET"), bytes_view(&low)};
    const struct bytes_view hmget[] = {VIEW("HMGET"), bytes_view(&call), VIEW("state")};
    const struct redis_try tries[] = {
        {"queue webhooks (XADD)", 5, add, false},
        {"look for what was queued (XRANGE)", 4, range, false},
        {"see how far the workers are (GET)", 2, get, false},
        {"note what was refused (XADD)", 5, note, false},
        {"keep Daily's events (XADD)", 5, event, false},
        {"ask what became of a dial-out (HMGET)", 3, hmget, false},
    };
    redis_check(&settings->redis, "dialin-ingress", tries, sizeof tries / sizeof tries[0],
                findings);
    bytes_release(&webhooks);
    bytes_release(&refused);
    bytes_release(&daily);
    bytes_release(&low);
    bytes_release(&call);
}
