// dialin-ingress: accepts Daily's webhooks over HTTP and has each in the Redis stream before the
// answer leaves. The start order is read here; the story of a webhook is in intake.c.
#include "admin.h"
#include "http_server.h"
#include "intake.h"
#include "log.h"
#include "loop.h"
#include "metrics.h"
#include "online.h"
#include "process.h"
#include "process_metrics.h"
#include "program_status.h"
#include "redis_metrics.h"
#include "service_manager.h"
#include "settings.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#define PROGRAM "dialin-ingress"
#define SUMMARY                                                                                    \
    "Takes Daily's dial-in webhooks and puts each into a Redis stream before it answers."
#define MS_PER_S 1000
#define DRAIN_TICK_MS 20
#define EVENTS_SHARE 2 // of all connections, Daily's events may have one in so many
#define BYTES_PER_MB 1000000
#define STRANGER_REQUESTS_MAX 1 // then their connection closes

static const struct http_route ROUTES[] = {
    {"POST", "/api/dial", intake_on_head, intake_on_request},
    {"POST", "/daily-dialin-webhook", intake_on_head, intake_on_request},
    {"POST", "/", intake_on_head, intake_on_request},
    {"POST", INTAKE_EVENTS_PATH, intake_on_event_head, intake_on_event},
    {"POST", INTAKE_TRUNK_PATH, intake_on_trunk_head, intake_on_trunk},
    // Load balancers ask there, and the servers that stood here before answered.
    {"GET", "/", NULL, intake_on_health},
    {"GET", "/healthz", NULL, intake_on_health},
    {NULL, NULL, NULL, NULL},
};

struct ingress {
    struct loop *loop;
    struct http_server *server;
    struct intake *intake;
    struct metrics *metrics;
    struct program_status *status;
    struct process_metrics *process_metrics;
    struct redis_metrics *redis_metrics;
    int64_t *connections;
    struct loop_timer *drain, *lame_duck;
    uint64_t lame_duck_ms; // still accepting, though not ready
    bool has_tls, is_leaving;
};

static struct intake_doors doors_of(const struct settings *settings)
{
    return (struct intake_doors){
        .dialin = {settings->secrets, settings->api_key, settings->allow_unsigned},
        .events = {.secrets = settings->of_events},
        .trunks = {.secrets = settings->of_trunks},
    };
}

static void on_reload(const void *arg, void *ingress_arg)
{
    const struct settings *settings = arg;
    struct ingress *ingress = ingress_arg;
    const struct intake_doors doors = doors_of(settings);
    intake_reload(ingress->intake, &doors, &settings->redis);
    if (ingress->has_tls && settings->tls) {
        http_server_use_tls(ingress->server, settings->tls);
        http_tls_report_expiry(settings->tls);
    } else if (ingress->has_tls || settings->tls) {
        log_warning("TLS_CERT was set or removed: this takes effect after a restart");
    }
    program_status_reload(ingress->status, settings);
}

static const char *not_ready_reason(void *arg)
{
    struct ingress *ingress = arg;
    return ingress->is_leaving ? "the ingress is shutting down"
                               : intake_not_ready_reason(ingress->intake);
}

static void leave_when_drained(void *arg)
{
    struct ingress *ingress = arg;
    if (http_server_is_drained(ingress->server) && !intake_is_spooling(ingress->intake)) {
        loop_stop(ingress->loop);
    } else {
        loop_timer_start(ingress->drain, DRAIN_TICK_MS);
    }
}

static void drain(void *arg)
{
    struct ingress *ingress = arg;
    log_info("shutting down: answering the requests received so far");
    http_server_drain(ingress->server);
    leave_when_drained(ingress);
}

// Load balancers learn from /readyz that this ingress leaves; the webhooks that they send until
// then are accepted. A second signal ends this time.
static void on_terminate(void *arg)
{
    struct ingress *ingress = arg;
    service_manager_stopping();
    if (ingress->lame_duck_ms == 0 || ingress->is_leaving) {
        ingress->is_leaving = true;
        drain(ingress);
        return;
    }
    ingress->is_leaving = true;
    log_info("shutting down: not ready, but still accepting (LAME_DUCK_S)",
             log_number("ms", (int64_t)ingress->lame_duck_ms));
    loop_timer_start(ingress->lame_duck, ingress->lame_duck_ms);
}

static void count_connections(void *arg)
{
    const struct ingress *ingress = arg;
    *ingress->connections = ingress->server ? (int64_t)http_server_connections(ingress->server) : 0;
}

static void open_metrics(struct ingress *ingress)
{
    struct metrics *metrics = ingress->metrics;
    ingress->connections =
        metrics_gauge(metrics, "dialin_http_connections", "Open HTTP connections.", NULL);
    metrics_before_print(metrics, count_connections, ingress);
    ingress->redis_metrics = redis_metrics_open(metrics, intake_redis(ingress->intake));
    ingress->process_metrics = process_metrics_open(metrics);
}

static void describe(struct json_line *line, void *arg)
{
    const struct ingress *ingress = arg;
    intake_describe(ingress->intake, line);
}

// An ingress is known by its host and its port.
static void open_status(struct ingress *ingress, const struct settings *settings)
{
    char name[PROGRAM_STATUS_NAME_BYTES] = "";
    gethostname(name, sizeof name / 2);
    size_t len = strlen(name);
    snprintf(name + len, sizeof name - len, ":%u", http_server_port(ingress->server));
    const struct program_status_settings status_settings = {
        .program = "ingress",
        .name = name,
        .prefix = settings->common.redis_prefix,
        .table = SETTINGS_TABLE,
        .settings = settings,
        .describe = describe,
        .not_ready_reason = not_ready_reason,
        .arg = ingress,
    };
    ingress->status =
        program_status_open(ingress->loop, intake_redis(ingress->intake), &status_settings);
}

static struct intake *open_intake(struct ingress *ingress, const struct settings *settings)
{
    const struct intake_settings intake_settings = {
        .redis_prefix = settings->common.redis_prefix,
        .doors = doors_of(settings),
        .proxies = settings->proxies,
        .in_flight_max = settings->in_flight_max,
        .events_max = settings_connections(settings) / EVENTS_SHARE,
        .wait_replicas = (unsigned)settings->common.redis_wait_replicas,
        .spool_folder = settings->spool_folder,
        .spool_bytes_max = settings->spool_max_mb * BYTES_PER_MB,
    };
    return intake_open(ingress->loop, &settings->redis, &intake_settings, ingress->metrics);
}

// NULL, after the reason was logged, if the spool cannot be opened or the address is taken.
static struct http_server *open_server(struct ingress *ingress, const struct settings *settings)
{
    int inherited = service_manager_socket("webhooks");
    const struct http_server_options options = {
        .listen_addr = settings->listen_addr,
        .port = (uint16_t)settings->port,
        .tls = settings->tls,
        .listening_fd = inherited > 0 ? inherited : 0,
        .body_bytes_max = settings->body_bytes_max,
        .bodies_bytes_max = settings->bodies_max_mb * BYTES_PER_MB,
        .connections_max = settings_connections(settings),
        .routes = ROUTES,
        .arg = ingress->intake,
        .stranger_requests_max = STRANGER_REQUESTS_MAX,
        .is_proxy = intake_is_proxy,
        .on_refusal = intake_on_refusal,
    };
    if (settings->spool_folder && !intake_has_spool(ingress->intake)) {
        return NULL;
    }
    struct http_server *server = http_server_open(ingress->loop, &options);
    if (server) {
        log_info(
            "accepting webhooks",
            log_text("address", inherited > 0 ? "of an inherited socket" : settings->listen_addr),
            log_number("port", http_server_port(server)));
    }
    return server;
}

static void warn_of_settings(const struct settings *settings)
{
    if (settings->tls) {
        http_tls_report_expiry(settings->tls);
    }
    if (settings->allow_unsigned) {
        log_warning("ALLOW_UNSIGNED: anybody can forge calls here; for trials only");
    }
    if (!settings->secrets && !settings->api_key && !settings->allow_unsigned) {
        log_warning("only calls over SIP trunks are accepted: neither PINLESS_HMAC_SECRET nor "
                    "INGRESS_API_KEY is set, so every call to /api/dial is answered 401");
    }
}

// From readiness to the end of the loop.
static void serve(struct ingress *ingress, const struct settings *settings)
{
    loop_on_signal(ingress->loop, SIGTERM, on_terminate, ingress);
    loop_on_signal(ingress->loop, SIGINT, on_terminate, ingress);
    warn_of_settings(settings);
    open_status(ingress, settings);
    struct service_manager *manager = service_manager_open(ingress->loop);
    loop_count_turns(ingress->loop, ingress->metrics);
    loop_run(ingress->loop);
    service_manager_close(manager);
}

static const struct process_settings SETTINGS = {
    .table = SETTINGS_TABLE,
    .bytes = sizeof(struct settings),
    .load = settings_load,
    .release = settings_release,
};

static int run(const void *arg)
{
    const struct settings *settings = arg;
    struct admin *admin = NULL;
    struct ingress ingress = {.loop = loop_open(),
                              .metrics = metrics_open(),
                              .lame_duck_ms = settings->lame_duck_s * MS_PER_S,
                              .has_tls = settings->tls != NULL};
    ingress.intake = open_intake(&ingress, settings);
    open_metrics(&ingress);
    struct process_reloader *reloader =
        process_reload_open(ingress.loop, &SETTINGS, on_reload, &ingress);
    ingress.drain = loop_timer_open(ingress.loop, leave_when_drained, &ingress);
    ingress.lame_duck = loop_timer_open(ingress.loop, drain, &ingress);
    ingress.server = open_server(&ingress, settings);
    if (ingress.server && settings->common.admin_port) {
        admin = admin_open(ingress.loop, settings->common.admin_addr,
                           (uint16_t)settings->common.admin_port, ingress.metrics, not_ready_reason,
                           &ingress);
    }
    const bool is_open = ingress.server && (admin || !settings->common.admin_port);
    if (is_open) {
        serve(&ingress, settings);
    }
    admin_close(admin);
    intake_close(ingress.intake);
    program_status_close(ingress.status);
    redis_metrics_close(ingress.redis_metrics);
    process_metrics_close(ingress.process_metrics);
    if (ingress.server) {
        http_server_close(ingress.server);
    }
    process_reload_close(reloader);
    loop_timer_close(ingress.drain);
    loop_timer_close(ingress.lame_duck);
    loop_close(ingress.loop);
    metrics_close(ingress.metrics);
    log_info("left");
    return is_open ? 0 : 1;
}

int main(int argc, char **argv)
{
    const struct process process = {
        .program = PROGRAM,
        .summary = SUMMARY,
        .settings = &SETTINGS,
        .run = run,
        .check_online = online_check,
    };
    return process_main(argc, argv, &process);
}
