// See agent_probe.h. The client asks before it sends a request, after name, connection and TLS: it
// is forbidden to then.
#include "agent_probe.h"

#include "http_client.h"
#include "memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define CONNECTIONS_MAX 32
#define HOST_BYTES_MAX 300
#define PROBLEM_BYTES_MAX 8192

struct probes {
    struct loop *loop;
    struct findings *findings;
    struct http_client *client;
    size_t left;
};

struct probe {
    struct probes *probes;
    const char *url;
    char subject[FINDING_SUBJECT_BYTES];
    const char *shown;    // of the URL, if it cannot be reached
    const char *not_done; // and why
    const char *ca_setting;
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
    const bool is_https = !strncasecmp(probe->url, "https:", 6);
    char remedy[FINDING_REMEDY_BYTES];
    snprintf(remedy, sizeof remedy,
             "check the name, the network, and %s if its authority is your own", probe->ca_setting);
    if (answer->came_too_late) {
        findings_fine(probes->findings, probe->subject, "can be reached%s; %s",
                      is_https ? ", and its certificate is good" : "", probe->not_done);
    } else {
        findings_wrong(probes->findings, probe->subject, remedy, "cannot be reached at %.300s: %s",
                       probe->shown, answer->error ? answer->error : "no reason was given");
    }
    if (--probes->left == 0) {
        loop_stop(probes->loop);
    }
}

// Returns false, with a finding, if the authorities cannot be read.
static bool open_probes(struct probes *probes, const char *ca_file, const char *ca_setting,
                        struct findings *findings)
{
    struct http_client_settings settings = {.connections_max = CONNECTIONS_MAX,
                                            .connect_timeout_ms = AGENT_PROBE_MS};
    struct bytes problem;
    bytes_init(&problem, PROBLEM_BYTES_MAX);
    settings.authorities = ca_file ? http_authorities_load(ca_file, &problem) : NULL;
    bool is_good = !ca_file || settings.authorities;
    if (is_good) {
        *probes = (struct probes){.loop = loop_open(), .findings = findings};
        probes->client = http_client_open(probes->loop, &settings);
    } else {
        findings_wrong(findings, ca_setting, "name a PEM file of certificates", "%.300s",
                       bytes_text(&problem));
    }
    http_authorities_release(settings.authorities); // the client keeps them
    bytes_release(&problem);
    return is_good;
}

static void send_probe(struct probe *probe)
{
    const struct http_post post = {
        .url = probe->url,
        .timeout_ms = AGENT_PROBE_MS,
        .may_send = never,
    };
    probe->probes->left++;
    http_client_post(probe->probes->client, &post, on_answer, probe);
}

static void run_probes(const struct probes *probes)
{
    if (probes->left > 0) {
        loop_run(probes->loop);
    }
    http_client_close(probes->client);
    loop_close(probes->loop);
}

void agent_probe(const struct routing *routing, const char *ca_file, struct findings *findings)
{
    const struct route_agents *agents = &routing->file.agents;
    struct probes probes;
    if (!open_probes(&probes, ca_file, "START_CA_FILE", findings)) {
        return;
    }
    struct probe *list = memory_zeroed((agents->count + 1) * sizeof *list);
    for (size_t i = 0; i < agents->count; i++) {
        const struct route *route = &agents->list[i]->route;
        struct probe *probe = &list[i];
        *probe = (struct probe){
            .probes = &probes,
            .url = route->start_url,
            .shown = route->start_url,
            .not_done = "the key is not tried, for that would start a bot",
            .ca_setting = "START_CA_FILE",
        };
        snprintf(probe->subject, sizeof probe->subject, "agent %.80s", route->agent);
        if (route->start_url[0]) {
            send_probe(probe);
        }
    }
    run_probes(&probes);
    free(list);
}

void agent_probe_alerts(const char *url, const char *ca_file, struct findings *findings)
{
    char shown[HOST_BYTES_MAX + 1];
    struct probes probes;
    struct probe probe = {
        .probes = &probes,
        .url = url,
        .subject = "ALERT_URL",
        .shown = shown,
        .not_done = "nothing is sent",
        .ca_setting = "ALERT_CA_FILE",
    };
    view_copy(route_url_host(url), shown, sizeof shown);
    if (open_probes(&probes, ca_file, "ALERT_CA_FILE", findings)) {
        send_probe(&probe);
        run_probes(&probes);
    }
}
