// See online.h.
#include "online.h"

#include "agent_probe.h"
#include "redis_check.h"
#include "redis_keys.h"
#include "rights.h"
#include "settings.h"

bool online_check_redis(const struct redis_address *address, const char *prefix, const char *name,
                        struct findings *findings)
{
    struct bytes webhooks;
    redis_key_init(&webhooks, prefix, REDIS_KEY_WEBHOOKS);
    const struct bytes_view add[] = {VIEW("XADD"), bytes_view(&webhooks), VIEW("0-0"), VIEW("v"),
                                     VIEW("1")};
    const struct bytes_view range[] = {VIEW("XRANGE"), bytes_view(&webhooks), VIEW("-"), VIEW("-")};
    const struct bytes_view rights[] = {VIEW("EVAL"), rights_script(), VIEW("1"),
                                        bytes_view(&webhooks)};
    const struct redis_try tries[] = {
        {"read the queue (XRANGE)", 4, range, false},
        {"write to the queue (XADD)", 5, add, false},
        {"run its scripts (EVAL)", 4, rights, true},
    };
    bool is_good = redis_check(address, name, tries, sizeof tries / sizeof tries[0], findings);
    bytes_release(&webhooks);
    return is_good;
}

void online_check(const void *arg, struct findings *findings)
{
    const struct settings *settings = arg;
    online_check_redis(&settings->redis, settings->common.redis_prefix, "dialin-worker", findings);
    agent_probe(settings->routing, settings->start_ca_file, findings);
    if (settings->alert_url) {
        agent_probe_alerts(settings->alert_url, settings->alert_ca_file, findings);
    }
}
