// See audit_routing.h.
#include "audit_routing.h"

#include "screen.h"
#include "webhook_repair.h"
#include "trunk_webhook.h"

// In the worker's order: START_URL, Pipecat Cloud, the stand-in.
static void find_fallback(const struct audit_settings *settings, struct route *fallback)
{
    struct bytes problem; // the worker's business
    bytes_init(&problem, 4096);
    *fallback = (struct route){.allow_http = settings->allow_http};
    if (settings->start_url) {
        route_to_url(fallback, settings->start_url, settings->start_api_key, &problem);
    } else if (settings->cloud_api_key && settings->agent_name) {
        route_to_cloud(fallback, settings->agent_name, settings->cloud_api_key, &problem);
    } else if (settings->demo_start_url) {
        route_to_url(fallback, settings->demo_start_url, NULL, &problem);
    }
    bytes_release(&problem);
}

struct routing *audit_routing_open(const char *path, const struct audit_settings *settings)
{
    struct bytes problem;
    struct route fallback;
    const struct routing_settings routing_settings = {
        .path = path,
        .agent = &fallback,
        .cloud_key = settings->cloud_api_key ? settings->cloud_api_key : "",
    };
    find_fallback(settings, &fallback);
    bytes_init(&problem, 4096);
    struct routing *routing = routing_open(&routing_settings, &problem);
    if (!routing) {
        screen_complain("the routes file %s", bytes_text(&problem));
    }
    bytes_release(&problem);
    return routing;
}

const struct route_rule *audit_routing_choose(const struct routing *routing,
                                              const struct webhook_entry *webhook,
                                              const struct route_agent **agent)
{
    struct webhook_repaired repaired;
    const struct route_rule *rule = NULL;
    if (webhook_repair_entry(&repaired, webhook)) {
        struct route_subject subject;
        route_subject_set(&subject, repaired.document.tree, webhook->call_id, webhook->received_ms);
        rule = route_choose(&routing->file, &subject);
    }
    webhook_repair_release(&repaired);
    *agent = rule && rule->agent ? rule->agent : routing_environment(routing);
    return rule;
}
