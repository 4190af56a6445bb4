// See agent_probe.h. The client asks before it sends a request, after name, connection and TLS: it
// is forbidden to then.
#include "agent_probe.h"

#include "http_client.h"
#include "memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define CONNECTIONS_MAX 32
#define PROBLEM_BYTES_MAX 8192

struct probes {
    struct loop *loop;
    struct findings *findings;
    size_t left;
};

struct probe {
    struct probes *probes;
    const struct route *route;
};

static bool never(void *arg)
{
    (void)arg;
    return false;
}

static void on_answer(const struct http_answer *answer, void *arg)
{
    const struct probe *probe = arg;
    struct probes *probes = probe->probes;
    const bool is_https = !strncasecmp(probe->route->start_url, "https:", 6);
    char subject[FINDING_SUBJECT_BYTES];
    snprintf(subject, sizeof subject, "agent %.80s", probe->route->agent);
    if (answer->came_too_late) {
        findings_fine(probes->findings, subject,
                      "can be reached%s; the key is not tried, for that "
                      "would start a bot",
                      is_https ? ", and its certificate is good" : "");
    } else {
        findings_wrong(
            probes->findings, subject,
            "check the name, the network, and START_CA_FILE if its authority is your own",
            "cannot be reached at %.300s: %s", probe->route->start_url,
            answer->error ? answer->error : "no reason was given");
    }
    if (--probes->left == 0) {
        loop_stop(probes->loop);
    }
}

static void post(struct http_client *client, struct probe *probe)
{
    const struct http_post post = {
        .url = probe->route->start_url,
        .timeout_ms = AGENT_PROBE_MS,
        .may_send = never,
    };
    http_client_post(client, &post, on_answer, probe);
}

static void probe_all(const struct routing *routing, struct http_authorities *authorities,
                      struct findings *findings)
{
    const struct route_agents *agents = &routing->file.agents;
    const struct http_client_settings settings = {.connections_max = CONNECTIONS_MAX,
                                                  .connect_timeout_ms = AGENT_PROBE_MS,
                                                  .authorities = authorities};
    struct probes probes = {.loop = loop_open(), .findings = findings};
    struct probe *list = memory_zeroed((agents->count + 1) * sizeof *list);
    struct http_client *client = http_client_open(probes.loop, &settings);
    for (size_t i = 0; i < agents->count; i++) {
        if (agents->list[i]->route.start_url[0]) {
            list[i] = (struct probe){&probes, &agents->list[i]->route};
            probes.left++;
            post(client, &list[i]);
        }
    }
    if (probes.left > 0) {
        loop_run(probes.loop);
    }
    http_client_close(client);
    loop_close(probes.loop);
    free(list);
}

void agent_probe(const struct routing *routing, const char *ca_file, struct findings *findings)
{
    struct http_authorities *authorities = NULL;
    struct bytes problem;
    bytes_init(&problem, PROBLEM_BYTES_MAX);
    if (ca_file && !(authorities = http_authorities_load(ca_file, &problem))) {
        findings_wrong(findings, "START_CA_FILE", "name a PEM file of certificates", "%.300s",
                       bytes_text(&problem));
    } else {
        probe_all(routing, authorities, findings);
    }
    http_authorities_release(authorities);
    bytes_release(&problem);
}
