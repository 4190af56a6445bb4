// dialin-worker: takes webhooks out of the Redis stream and has the agent start a bot for each. The
// start order is read here; the story of a call is in calls.c.
#include "account.h"
#include "admin.h"
#include "alerts.h"
#include "calls.h"
#include "daily_reader.h"
#include "explain.h"
#include "housekeeping.h"
#include "http_client.h"
#include "lease.h"
#include "line.h"
#include "line_metrics.h"
#include "log.h"
#include "loop.h"
#include "metrics.h"
#include "online.h"
#include "process.h"
#include "process_metrics.h"
#include "program_status.h"
#include "record.h"
#include "redis_metrics.h"
#include "redis_replicas.h"
#include "script.h"
#include "service_manager.h"
#include "settings.h"
#include "stream_reader.h"

#include <signal.h>

#define PROGRAM "dialin-worker"
#define SUMMARY                                                                                    \
    "Takes webhooks out of the Redis stream and asks the agent to start a bot for each.\n"         \
    "--explain WEBHOOK (its JSON) or --explain CALL_ID (of a recorded call) prints "               \
    "which route takes it\nand the request that would be sent."
#define DRAIN_TICK_MS 20
#define MS_PER_S 1000
#define REQUEST_SLACK_MS 5000 // from the end of a request to its record, at most
#define REPLICAS_WAIT_MS 1000 // a third of the shortest lease: it is renewed between WAITs
#define S_PER_DAY (24 * 3600)
#define MS_PER_DAY (S_PER_DAY * MS_PER_S)

struct worker {
    const struct settings *settings;
    char consumer[STREAM_READER_CONSUMER_BYTES];
    struct loop *loop;
    struct redis *commands;
    struct redis_replicas *replicas;
    struct scripts *scripts;
    struct stream_reader *reader;
    struct lease *lease;
    struct lines *lines;
    struct overflow *overflow;
    struct daily_reader *daily_reader;
    struct lookups *lookups;
    struct housekeeping *housekeeping;
    struct account *account;
    struct program_status *status;
    struct line_metrics *line_metrics;
    struct alerts *alerts;
    struct redis_metrics *redis_metrics;
    struct process_metrics *process_metrics;
    struct record *record;
    struct http_client *client;
    struct calls *calls;
    struct loop_timer *drain;
    struct process_reloader *reloader;
    uint64_t draining_since_ms; // 0: not draining
};

static void on_commands(bool up, void *arg)
{
    struct worker *worker = arg;
    if (!up) {
        redis_replicas_on_down(worker->replicas);
    } else {
        redis_replicas_on_up(worker->replicas, worker->commands);
        scripts_load(worker->scripts);
        lease_on_up(worker->lease);
        stream_reader_read_pending(worker->reader); // entries may have been claimed for us unseen
        housekeeping_on_up(worker->housekeeping);
        daily_reader_on_up(worker->daily_reader);
        account_on_up(worker->account);
    }
}

static const char *not_ready_reason(void *arg)
{
    struct worker *worker = arg;
    if (worker->draining_since_ms) {
        return "the worker is shutting down";
    }
    const char *problem = redis_not_ready_reason(worker->commands);
    if (!problem && redis_replicas_are_missing(worker->replicas)) {
        return REDIS_REPLICAS_NOT_READY;
    }
    return problem ? problem : stream_reader_not_ready_reason(worker->reader);
}

static uint64_t out_max_of(const char *agent, void *arg)
{
    const struct worker *worker = arg;
    return calls_out_max(worker->calls, agent);
}

static struct alerts_settings alerts_settings(const struct settings *settings)
{
    return (struct alerts_settings){
        .url = settings->alert_url,
        .authorities = settings->alert_authorities,
        .prefix = settings->common.redis_prefix,
    };
}

// An alert needs more of a reading than the gauges do.
static void read_for_alerts(const struct worker *worker)
{
    bool are_wanted = alerts_are_wanted(worker->alerts);
    line_metrics_read_all(worker->line_metrics, are_wanted ? ALERT_SERVICE_MINUTES : 0);
}

static void on_snapshot(const struct snapshot *snapshot, void *arg)
{
    struct worker *worker = arg;
    alerts_take(worker->alerts, snapshot);
}

static void on_reload(const void *arg, void *worker_arg)
{
    const struct settings *settings = arg;
    struct worker *worker = worker_arg;
    redis_reload(worker->commands, &settings->redis);
    stream_reader_reload(worker->reader, &settings->redis);
    http_client_trust(worker->client, settings->authorities);
    lookups_trust(worker->lookups, settings->authorities);
    calls_reroute(worker->calls, settings->routing);
    overflow_reroute(worker->overflow, settings->routing);
    program_status_reload(worker->status, settings);
    const struct alerts_settings of_alerts = alerts_settings(settings);
    alerts_reload(worker->alerts, &of_alerts);
    read_for_alerts(worker);
}

static void describe(struct json_line *line, void *arg)
{
    const struct worker *worker = arg;
    json_line_number(line, "in_work", calls_count(worker->calls));
    json_line_number(line, "in_work_max", worker->settings->concurrency);
    json_line_number(line, "lease_ms", worker->settings->lease_s * MS_PER_S);
    calls_describe(worker->calls, line);
}

// --- leaving ----------------------------------------------------------------------------------

static void on_left(void *arg)
{
    struct worker *worker = arg;
    loop_stop(worker->loop);
}

static void leave_when_drained(void *arg)
{
    struct worker *worker = arg;
    size_t left = calls_count(worker->calls);
    uint64_t drained_ms = loop_now_ms() - worker->draining_since_ms;
    if (left > 0 && drained_ms < worker->settings->drain_timeout_s * MS_PER_S) {
        loop_timer_start(worker->drain, DRAIN_TICK_MS);
        return;
    }
    if (left > 0) {
        log_warning("shut down with requests in flight: other workers will take these calls over",
                    log_number("calls", (int64_t)left));
    }
    lease_give_up(worker->lease, on_left, worker);
}

static void on_terminate(void *arg)
{
    struct worker *worker = arg;
    if (worker->draining_since_ms) {
        return;
    }
    worker->draining_since_ms = loop_now_ms();
    service_manager_stopping();
    log_info("shutting down: waiting for the requests in flight",
             log_number("calls", (int64_t)calls_count(worker->calls)));
    stream_reader_stop(worker->reader);
    lease_stop_taking(worker->lease);
    lines_stop(worker->lines);
    overflow_stop(worker->overflow);
    daily_reader_stop(worker->daily_reader);
    housekeeping_stop(worker->housekeeping);
    alerts_stop(worker->alerts);
    calls_drain(worker->calls);
    leave_when_drained(worker);
}

// --- starting ---------------------------------------------------------------------------------

// A request must leave while the lease is young: the connection may take a third of it.
static void open_client(struct worker *worker)
{
    const struct settings *settings = worker->settings;
    const uint64_t third_of_lease_ms = settings->lease_s * MS_PER_S / 3;
    const struct http_client_settings client_settings = {
        .connections_max = (unsigned)settings->concurrency,
        .connect_timeout_ms = third_of_lease_ms < HTTP_CONNECT_TIMEOUT_MS ? third_of_lease_ms
                                                                          : HTTP_CONNECT_TIMEOUT_MS,
        .unacknowledged_ms = settings->start_timeout_s * MS_PER_S,
        .authorities = settings->authorities,
    };
    worker->client = http_client_open(worker->loop, &client_settings);
}

static void open_record(struct worker *worker)
{
    const struct settings *settings = worker->settings;
    const struct redis_replicas_settings replicas_settings = {
        .count = (unsigned)settings->common.redis_wait_replicas,
        .wait_ms = REPLICAS_WAIT_MS,
        .consequence = "no request leaves without them, and callers wait",
    };
    const struct record_settings record_settings = {
        .consumer = worker->consumer,
        .request_ms_max = settings->start_timeout_s * MS_PER_S + REQUEST_SLACK_MS,
        .grace_ms = settings->hold_grace_s * MS_PER_S,
    };
    worker->replicas = redis_replicas_open(worker->loop, &replicas_settings, NULL, NULL);
    bool are_wanted = redis_replicas_are_wanted(worker->replicas);
    worker->record = record_open(worker->loop, worker->scripts,
                                 are_wanted ? worker->replicas : NULL, &record_settings);
}

static void open_parts(struct worker *worker, struct metrics *metrics)
{
    const struct settings *settings = worker->settings;
    const struct stream_reader_settings reader_settings = {
        .prefix = settings->common.redis_prefix,
        .consumer = worker->consumer,
    };
    const struct lease_settings lease_settings = {
        .worker_name = settings->worker_name,
        .consumer = worker->consumer,
        .lease_ms = settings->lease_s * MS_PER_S,
    };
    struct calls_settings calls_settings = {
        .prefix = settings->common.redis_prefix,
        .place = {.transform = {.daily_api_key = settings->daily_api_key,
                                .daily_api_url = settings->daily_api_url},
                  .hold_limit_s = settings->hold_limit_s,
                  .dialout_limit_s = settings->dialout_limit_s,
                  .trunk_limit_s = settings->trunk_limit_s,
                  .room_expiry_s = settings->room_expiry_s},
        .secrets = settings->secrets,
        .concurrency = settings->concurrency,
        .start_timeout_ms = settings->start_timeout_s * MS_PER_S,
        .hold_grace_ms = settings->hold_grace_s * MS_PER_S,
        .lease_ms = settings->lease_s * MS_PER_S,
    };
    const struct stream_reader_events reader_events = {calls_on_entry, calls_is_known, calls_room,
                                                       calls_beginning};
    stream_reader_name(worker->consumer, settings->worker_name);
    worker->loop = loop_open();
    worker->commands = redis_open(worker->loop, &settings->redis, PROGRAM, on_commands, worker);
    worker->scripts = scripts_open(worker->commands, settings->common.redis_prefix);
    open_client(worker);
    open_record(worker);
    worker->reader = stream_reader_open(worker->loop, &settings->redis, worker->commands,
                                        worker->scripts, &reader_settings);
    worker->lease = lease_open(worker->loop, worker->scripts, worker->reader, &lease_settings);
    worker->lines = lines_open(worker->loop, worker->scripts, worker->reader, worker->consumer,
                               out_max_of, worker);
    worker->overflow = overflow_open(worker->loop, worker->scripts, worker->reader, worker->lines,
                                     worker->consumer, settings->routing);
    worker->lookups = lookups_open(worker->loop, settings->authorities);
    calls_settings.overflow = worker->overflow;
    calls_settings.lookups = worker->lookups;
    worker->account =
        account_open(worker->loop, worker->scripts, metrics, settings->retention_days * S_PER_DAY);
    calls_settings.account = worker->account;
    worker->calls =
        calls_open(worker->loop, &calls_settings, worker->commands, worker->record, worker->client,
                   metrics, worker->reader, worker->lines, settings->routing);
    stream_reader_serve(worker->reader, &reader_events, worker->calls);
    worker->drain = loop_timer_open(worker->loop, leave_when_drained, worker);
}

static void open_keepers(struct worker *worker, struct metrics *metrics)
{
    const struct settings *settings = worker->settings;
    const uint64_t dialout_s = settings->dialout_limit_s, trunk_s = settings->trunk_limit_s;
    const uint64_t dialin_s = settings->hold_limit_s > trunk_s ? settings->hold_limit_s : trunk_s;
    const struct housekeeping_settings housekeeping_settings = {
        .consumer = worker->consumer,
        .retention_ms = settings->retention_days * MS_PER_DAY,
        .hold_ms_max = (dialin_s > dialout_s ? dialin_s : dialout_s) * MS_PER_S,
    };
    const struct program_status_settings status_settings = {
        .program = "worker",
        .name = worker->consumer,
        .prefix = settings->common.redis_prefix,
        .table = SETTINGS_TABLE,
        .settings = settings,
        .describe = describe,
        .not_ready_reason = not_ready_reason,
        .arg = worker,
    };
    worker->housekeeping = housekeeping_open(worker->loop, worker->scripts, worker->reader,
                                             &housekeeping_settings, metrics);
    const struct daily_reader_settings daily_settings = {settings->connect_limit_s * MS_PER_S,
                                                         calls_note_abandoned, worker->calls};
    worker->daily_reader = daily_reader_open(worker->loop, worker->scripts, worker->reader,
                                             worker->lines, &daily_settings, metrics);
    const struct alerts_settings of_alerts = alerts_settings(settings);
    worker->alerts = alerts_open(worker->loop, worker->commands, &of_alerts, metrics);
    worker->line_metrics =
        line_metrics_open(worker->loop, worker->scripts, metrics, on_snapshot, worker);
    read_for_alerts(worker);
    worker->redis_metrics = redis_metrics_open(metrics, worker->commands);
    worker->process_metrics = process_metrics_open(metrics);
    worker->status = program_status_open(worker->loop, worker->commands, &status_settings);
}

static void close_parts(struct worker *worker)
{
    lookups_close(worker->lookups);
    http_client_close(worker->client);      // requests in flight are aborted
    redis_close(worker->commands);          // whose callbacks may still reach every part below
    redis_replicas_close(worker->replicas); // as those of steps that wait for replicas
    stream_reader_close(worker->reader);
    record_close(worker->record);
    calls_close(worker->calls);
    overflow_close(worker->overflow);
    daily_reader_close(worker->daily_reader);
    lines_close(worker->lines);
    lease_close(worker->lease);
    housekeeping_close(worker->housekeeping);
    account_close(worker->account);
    program_status_close(worker->status);
    line_metrics_close(worker->line_metrics);
    alerts_close(worker->alerts);
    redis_metrics_close(worker->redis_metrics);
    process_metrics_close(worker->process_metrics);
    scripts_close(worker->scripts);
    loop_timer_close(worker->drain);
    process_reload_close(worker->reloader);
    loop_close(worker->loop);
}

// Pipecat's DailyDialinRequest needs the key in the body, and ignores the dial-in without it.
static void warn_of_missing_key(const struct settings *settings)
{
    bool is_live = settings->start_url || settings->cloud_api_key; // the stand-in needs no key
    if (is_live && !settings->daily_api_key) {
        log_warning("DAILY_API_KEY is not set: a bot behind Pipecat's runner then ignores the "
                    "dial-in silently and the caller never connects; on Pipecat Cloud this happens "
                    "unless the bot gets the key elsewhere");
    }
}

static const struct process_settings SETTINGS = {
    .table = SETTINGS_TABLE,
    .bytes = sizeof(struct settings),
    .also = SETTINGS_SYSTEM_CA_FILES,
    .load = settings_load,
    .release = settings_release,
};

static int run(const void *arg)
{
    const struct settings *settings = arg;
    int exit_code = 0;
    struct admin *admin = NULL;
    struct metrics *metrics = metrics_open();
    struct worker worker = {.settings = settings};
    open_parts(&worker, metrics);
    open_keepers(&worker, metrics);
    if (settings->common.admin_port) {
        admin =
            admin_open(worker.loop, settings->common.admin_addr,
                       (uint16_t)settings->common.admin_port, metrics, not_ready_reason, &worker);
        exit_code = admin ? 0 : 1;
    }
    if (exit_code == 0) {
        loop_on_signal(worker.loop, SIGTERM, on_terminate, &worker);
        loop_on_signal(worker.loop, SIGINT, on_terminate, &worker);
        worker.reloader = process_reload_open(worker.loop, &SETTINGS, on_reload, &worker);
        log_info("ready for calls", log_text("consumer", worker.consumer),
                 log_text("agent", settings->route.agent));
        warn_of_missing_key(settings);
        struct service_manager *manager = service_manager_open(worker.loop);
        loop_count_turns(worker.loop, metrics);
        loop_run(worker.loop);
        service_manager_close(manager);
    }
    admin_close(admin);
    close_parts(&worker);
    metrics_close(metrics);
    log_info("left");
    return exit_code;
}

static int answer(const void *settings, const char *argument)
{
    return explain(settings, argument);
}

int main(int argc, char **argv)
{
    const struct process process = {
        .program = PROGRAM,
        .summary = SUMMARY,
        .settings = &SETTINGS,
        .run = run,
        .check_online = online_check,
        .question = "--explain",
        .answer = answer,
    };
    return process_main(argc, argv, &process);
}
