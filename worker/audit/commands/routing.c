// See routing.h.
#include "routing.h"

#include "webhook_repair.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *take_key(const char *variable, void *arg)
{
    struct audit_settings *settings = arg;
    const char *key = getenv(variable);
    redact_secrets_add(settings->secrets, key);
    return key;
}

static bool read_file(const char *path, struct bytes *text)
{
    char chunk[4096];
    FILE *file = fopen(path, "re");
    bool fits = file != NULL;
    for (size_t len; fits && (len = fread(chunk, 1, sizeof chunk, file)) > 0;) {
        fits = bytes_append(text, chunk, len);
    }
    bool is_read = fits && !ferror(file);
    if (!is_read) {
        fprintf(stderr, "dialin-audit: %s: %s\n", path,
                file && !fits ? "it is longer than 1 MiB" : strerror(errno));
    }
    if (file) {
        fclose(file);
    }
    return is_read;
}

// In the worker's order: START_URL, Pipecat Cloud, the stand-in.
static void find_fallback(const struct audit_settings *settings, struct route *fallback)
{
    struct bytes problem; // the worker's business
    bytes_init(&problem, 4096);
    *fallback = (struct route){.agent = ""};
    if (settings->start_url) {
        route_to_url(fallback, settings->start_url, NULL, &problem);
    } else if (settings->cloud_api_key && settings->agent_name) {
        route_to_cloud(fallback, settings->agent_name, NULL, &problem);
    } else if (settings->demo_start_url) {
        route_to_url(fallback, settings->demo_start_url, NULL, &problem);
    }
    bytes_release(&problem);
}

bool routing_open(struct routing *routing, const char *path, struct audit_settings *settings)
{
    struct bytes text, problem;
    const struct route_environment environment = {
        .agent = &routing->fallback,
        .cloud_key = settings->cloud_api_key ? settings->cloud_api_key : "",
        .key_of = take_key,
        .arg = settings,
    };
    bytes_init(&text, ROUTE_FILE_BYTES_MAX);
    bytes_init(&problem, 4096);
    find_fallback(settings, &routing->fallback);
    bool is_read = read_file(path, &text);
    bool is_good =
        is_read && route_file_parse(&routing->file, bytes_view(&text), &environment, &problem);
    if (is_read && !is_good) {
        fprintf(stderr, "dialin-audit: %s: %s\n", path, bytes_text(&problem));
    }
    bytes_release(&text);
    bytes_release(&problem);
    return is_good;
}

void routing_close(struct routing *routing)
{
    route_file_release(&routing->file);
}

const struct route_rule *routing_choose(const struct routing *routing,
                                        const struct webhook_entry *webhook, const char **agent)
{
    struct webhook_repaired repaired;
    const struct route_rule *rule = NULL;
    if (webhook_repair(&repaired, webhook->body, webhook->signed_for)) {
        struct route_subject subject;
        route_subject_set(&subject, repaired.document.tree, webhook->call_id, webhook->received_ms);
        rule = route_choose(&routing->file, &subject);
    }
    webhook_repair_release(&repaired);
    *agent = rule && rule->agent ? rule->agent->route.agent : routing->fallback.agent;
    return rule;
}
