// A second, small http_server. It answers at once and from memory: a probe tells how the process
// is, not how Redis is today.
#include "admin.h"

#include "http_server.h"
#include "json.h"
#include "log.h"
#include "memory.h"

#include <stdlib.h>

#define CONNECTIONS_MAX 64
#define LOOPBACK_RESERVE 16 // for the health checks of this machine
#define BODY_BYTES_MAX 1024
#define METRICS_BYTES_MAX (1024 * 1024)
#define SENTENCE_BYTES_MAX 1024

struct admin {
    struct http_server *server;
    const struct metrics *metrics;
    admin_not_ready_reason *not_ready_reason;
    void *arg;
};

static void answer_health(struct http_request *request, void *arg)
{
    (void)arg;
    http_reply(request, 200, VIEW("{\"status\":\"ok\"}"), NULL);
}

static void answer_ready(struct http_request *request, void *arg)
{
    struct admin *admin = arg;
    const char *not_ready_reason = admin->not_ready_reason(admin->arg);
    if (!not_ready_reason) {
        http_reply(request, 200, VIEW("{\"status\":\"ready\"}"), NULL);
        return;
    }
    struct bytes body;
    bytes_init(&body, SENTENCE_BYTES_MAX);
    bytes_append_text(&body, "{\"status\":\"not ready\",\"missing\":");
    json_append_text(&body, view_of_text(not_ready_reason));
    bytes_append_text(&body, "}");
    http_reply(request, 503, bytes_view(&body), NULL);
    bytes_release(&body);
}

static void answer_metrics(struct http_request *request, void *arg)
{
    struct admin *admin = arg;
    const struct http_header headers[] = {{"Content-Type", "text/plain; version=0.0.4"},
                                          {NULL, NULL}};
    struct bytes body;
    bytes_init(&body, METRICS_BYTES_MAX);
    metrics_print(admin->metrics, &body);
    http_reply(request, 200, bytes_view(&body), headers);
    bytes_release(&body);
}

static const struct http_route ROUTES[] = {
    {"GET", "/healthz", NULL, answer_health},
    {"GET", "/readyz", NULL, answer_ready},
    {"GET", "/metrics", NULL, answer_metrics},
    {NULL, NULL, NULL, NULL},
};

void admin_check(const char *admin_addr, struct config_problems *problems)
{
    if (!http_server_can_listen_on(admin_addr)) {
        config_problem(problems, "ADMIN_ADDR", "must be a numeric address, not '%.64s'",
                       admin_addr);
    }
}

struct admin *admin_open(struct loop *loop, const char *listen_addr, uint16_t port,
                         const struct metrics *metrics, admin_not_ready_reason *not_ready_reason,
                         void *arg)
{
    struct admin *admin = memory_zeroed(sizeof *admin);
    const struct http_server_options options = {
        .listen_addr = listen_addr,
        .port = port,
        .body_bytes_max = BODY_BYTES_MAX,
        .bodies_bytes_max = BODY_BYTES_MAX * CONNECTIONS_MAX,
        .connections_max = CONNECTIONS_MAX,
        .loopback_reserve = LOOPBACK_RESERVE,
        .routes = ROUTES,
        .arg = admin,
    };
    admin->metrics = metrics;
    admin->not_ready_reason = not_ready_reason;
    admin->arg = arg;
    admin->server = http_server_open(loop, &options);
    if (!admin->server) {
        free(admin);
        return NULL;
    }
    return admin;
}

void admin_close(struct admin *admin)
{
    if (admin) {
        http_server_close(admin->server);
        free(admin);
    }
}
