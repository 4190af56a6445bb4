// dialin-agent: plays Pipecat Cloud for tests and trials. The start order is read here; the story
// of a start request is in start_route.c.
#include "agent.h"
#include "config.h"
#include "control.h"
#include "http_server.h"
#include "log.h"
#include "http_tls.h"
#include "process.h"
#include "start_route.h"

#include <signal.h>
#include <stdio.h>

#define PROGRAM "dialin-agent"
#define BODY_BYTES_MAX (1024U * 1024) // as Pipecat Cloud: more is 413
#define BODIES_BYTES_MAX (1024 * UINT64_C(1048576))
#define PROBLEM_BYTES_MAX 1024
#define OTHER_FILES 64 // beside the connections

static const struct http_route ROUTES[] = {
    {"POST", "/v1/public/*/start", NULL, start_route_on_request},
    {"POST", "/start", NULL, start_route_on_request},
    {"GET", "/control", NULL, control_on_show},
    {"POST", "/control", NULL, control_on_change},
    {"GET", "/requests", NULL, control_on_requests},
    {"DELETE", "/requests", NULL, control_on_forget},
    {"GET", "/starts", NULL, control_on_starts},
    {"GET", "/healthz", NULL, control_on_health},
    {NULL, NULL, NULL, NULL},
};

static void on_terminate(void *arg)
{
    loop_stop(arg);
}

static void agent_init(struct agent *agent, const struct settings *settings)
{
    agent->settings = *settings;
    agent->loop = loop_open();
    agent->pool = pool_open();
    agent->cues = cues_open();
    agent->requests = request_list_open(settings->keep);
    agent->starts = start_counts_open();
    chance_init(&agent->chance, settings->seed);
    agent->conversations = conversations_open(agent->loop, &agent->settings, &agent->chance);
}

static void agent_release(struct agent *agent)
{
    conversations_close(agent->conversations);
    start_counts_close(agent->starts);
    request_list_close(agent->requests);
    cues_close(agent->cues);
    pool_close(agent->pool);
    loop_close(agent->loop);
}

static void on_hangup(void *arg)
{
    (void)arg;
    fprintf(stderr, PROGRAM ": SIGHUP: there is nothing to be read again\n");
}

// False, with the reason on stderr: the files cannot serve. *tls stays NULL if none are named.
static bool load_tls(const struct settings *settings, struct http_tls **tls)
{
    struct bytes problem;
    bytes_init(&problem, PROBLEM_BYTES_MAX);
    bool is_wanted = settings->tls_cert[0] || settings->tls_key[0];
    if (is_wanted && !(settings->tls_cert[0] && settings->tls_key[0])) {
        bytes_append_text(&problem, "--tls-cert and --tls-key are needed together");
    } else if (is_wanted) {
        *tls = http_tls_load(settings->tls_cert, settings->tls_key, &problem);
    }
    if (is_wanted && !*tls) {
        fprintf(stderr, PROGRAM ": %s\n", bytes_text(&problem));
    }
    bytes_release(&problem);
    return !is_wanted || *tls;
}

static int run(const struct settings *settings)
{
    struct agent agent = {0};
    struct http_tls *tls = NULL;
    if (!load_tls(settings, &tls)) {
        return 1;
    }
    agent_init(&agent, settings);
    const struct http_server_options options = {
        .listen_addr = settings->listen_addr,
        .port = (uint16_t)settings->port,
        .body_bytes_max = BODY_BYTES_MAX,
        .bodies_bytes_max = BODIES_BYTES_MAX,
        .connections_max = (unsigned)settings->connections,
        .routes = ROUTES,
        .arg = &agent,
        .tls = tls,
    };
    loop_on_signal(agent.loop, SIGTERM, on_terminate, agent.loop);
    loop_on_signal(agent.loop, SIGINT, on_terminate, agent.loop);
    loop_on_signal(agent.loop, SIGHUP, on_hangup, NULL);
    struct http_server *server = http_server_open(agent.loop, &options); // answers from now on
    if (server) {
        printf(PROGRAM " listening on %s:%u\n", settings->listen_addr, http_server_port(server));
        fflush(stdout);
        loop_run(agent.loop);
        start_route_abort(&agent);
        http_server_close(server);
    }
    agent_release(&agent);
    http_tls_free(tls);
    return server ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct settings settings;
    struct config_problems problems;
    enum settings_command command = settings_from_flags(&settings, argc, argv);
    if (command != SETTINGS_RUN) {
        return command == SETTINGS_DONE ? 0 : 2;
    }
    process_init();
    log_open(PROGRAM, LOG_LEVEL_INFO, false);
    config_problems_init(&problems);
    config_need_open_files(settings.connections + OTHER_FILES, "--connections", &problems);
    int exit_code = problems.count == 0 ? run(&settings) : process_report(&problems, PROGRAM);
    config_problems_release(&problems);
    return exit_code;
}
