// dialin-board: shows in a browser who waits, who will be lost, and what became of each call. It
// only reads. The start order is here; see board.c.
#include "admin.h"
#include "board.h"
#include "http_server.h"
#include "log.h"
#include "process.h"
#include "process_metrics.h"
#include "redis_check.h"
#include "redis_metrics.h"

#include <signal.h>

#define PROGRAM "dialin-board"
#define SUMMARY "Shows in a browser who waits, who will be lost, and what became of each call."
#define DRAIN_TICK_MS 20
#define CONNECTIONS_MAX 256
#define BODY_BYTES_MAX 16384

struct program {
    struct loop *loop;
    struct http_server *server;
    struct board board;
    struct loop_timer *drain;
    bool is_leaving;
};

static const char *not_ready_reason(void *arg)
{
    struct program *program = arg;
    return program->is_leaving ? "the board is leaving"
                               : live_not_ready_reason(program->board.live);
}

static void leave_when_drained(void *arg)
{
    struct program *program = arg;
    if (http_server_is_drained(program->server)) {
        loop_stop(program->loop);
    } else {
        loop_timer_start(program->drain, DRAIN_TICK_MS);
    }
}

static void on_terminate(void *arg)
{
    struct program *program = arg;
    program->is_leaving = true;
    http_server_drain(program->server);
    children_end(program->board.children);
    leave_when_drained(program);
}

static int serve(struct program *program, const struct board_settings *settings,
                 struct metrics *metrics)
{
    const struct http_server_options options = {
        .listen_addr = settings->listen_addr,
        .port = (uint16_t)settings->port,
        .body_bytes_max = BODY_BYTES_MAX,
        .bodies_bytes_max = (uint64_t)BODY_BYTES_MAX * CONNECTIONS_MAX,
        .connections_max = CONNECTIONS_MAX,
        .routes = BOARD_ROUTES,
        .arg = &program->board,
        .headers = BOARD_HEADERS,
    };
    struct admin *admin = NULL;
    program->server = http_server_open(program->loop, &options);
    if (program->server && settings->common.admin_port) {
        admin =
            admin_open(program->loop, settings->common.admin_addr,
                       (uint16_t)settings->common.admin_port, metrics, not_ready_reason, program);
    }
    bool is_up = program->server && (admin || !settings->common.admin_port);
    if (is_up) {
        loop_on_signal(program->loop, SIGTERM, on_terminate, program);
        loop_on_signal(program->loop, SIGINT, on_terminate, program);
        log_info("the board is open", log_text("address", settings->listen_addr),
                 log_number("port", (int64_t)settings->port));
        loop_run(program->loop);
    }
    admin_close(admin);
    return is_up ? 0 : 1;
}

static const struct process_settings SETTINGS = {
    .table = BOARD_SETTINGS_TABLE,
    .bytes = sizeof(struct board_settings),
    .load = board_settings_load,
    .release = board_settings_release,
};

static int run(const void *arg)
{
    const struct board_settings *settings = arg;
    struct metrics *metrics = metrics_open();
    struct process_metrics *process_metrics = process_metrics_open(metrics);
    struct program program = {.loop = loop_open()};
    program.drain = loop_timer_open(program.loop, leave_when_drained, &program);
    board_init(&program.board, settings, program.loop, metrics);
    struct redis_metrics *redis_metrics =
        redis_metrics_open(metrics, live_connection(program.board.live, 0));
    int exit_code = serve(&program, settings, metrics);
    board_release(&program.board);
    if (program.server) {
        http_server_close(program.server);
    }
    loop_timer_close(program.drain);
    loop_close(program.loop);
    redis_metrics_close(redis_metrics);
    process_metrics_close(process_metrics);
    metrics_close(metrics);
    log_info("left");
    return exit_code;
}

static void check_online(const void *arg, struct findings *findings)
{
    const struct board_settings *settings = arg;
    redis_check(&settings->redis, PROGRAM, NULL, 0, findings);
}

int main(int argc, char **argv)
{
    const struct process process = {
        .program = PROGRAM,
        .summary = SUMMARY,
        .settings = &SETTINGS,
        .run = run,
        .check_online = check_online,
    };
    return process_main(argc, argv, &process);
}
