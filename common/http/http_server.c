// The daemon and its connections; with http_request.c the only place that knows libmicrohttpd. It
// runs on the loop by its epoll descriptor, without a thread. How long a connection may take, and
// who makes room when there are many, is http_table.c's; libmicrohttpd's own timeout counts only
// inactivity, which a byte a second outlives.
//
// Surprising: after MHD_resume_connection, and whenever MHD_get_timeout says 0, MHD_run has to be
// called again before the loop sleeps, or the client hangs (`turn`). And libmicrohttpd cannot
// answer in the middle of a body, so 408 and an overflowing chunked body's 413 are written to the
// socket directly: no answer has begun at that point.
#include "http_server.h"

#include "http_internal.h"
#include "http_pause.h"
#include "http_listener.h"
#include "http_refusal.h"
#include "http_share.h"
#include "http_table.h"
#include "http_tap.h"
#include "http_tls_front.h"
#include "log.h"
#include "memory.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MEMORY_OF_CONNECTION (14 * 1024) // head, its parsed form, and the answer's head
#define HANDSHAKES_SHARE 8 // of all connections, one in so many may shake hands for TLS at a time
#define TICK_MS 250
#define TLS_GRACE_MS 2000  // while draining: for handshakes, and answers that are on their way
#define FRESH_GRACE_MS 200 // while draining: a connection just accepted may still send its request
#define RUNS_PER_TURN_MAX 100    // a run accepts 10 connections at most
#define TURN_US_MAX 4000         // no further run begins; then Redis and the timers have their turn
#define RUNS_AT_THE_END_MAX 1000 // while nothing else is waited for
#define COMPLAIN_EVERY_MS 10000

// --- connections --------------------------------------------------------------------------------

// By its descriptor, which is all that the tap knows.
static void remember(struct http_server *server, struct http_connection *connection)
{
    size_t fd = (size_t)connection->fd;
    if (fd >= server->fds) {
        size_t fds = fd * 2 + 64;
        server->by_fd = memory_resized(server->by_fd, fds * sizeof(struct http_connection *));
        memset(server->by_fd + server->fds, 0,
               (fds - server->fds) * sizeof(struct http_connection *));
        server->fds = fds;
    }
    server->by_fd[fd] = connection;
}

static void on_bytes(int fd, const char *data, size_t len, void *arg)
{
    const struct http_server *server = arg;
    if ((size_t)fd < server->fds && server->by_fd[fd]) {
        http_raw_add(&server->by_fd[fd]->raw, data, len);
    }
}

static void on_connection(void *arg, struct MHD_Connection *mhd, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct http_server *server = arg;
    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        struct http_connection *connection = *context;
        http_table_leave(server, connection);
        server->by_fd[connection->fd] = NULL;
        if (connection->must_linger && !server->is_closing) {
            http_linger_take(server->linger, connection->fd);
        }
        http_connection_free(connection);
        *context = NULL;
        return;
    }
    const struct sockaddr *address =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr;
    struct http_connection *connection = http_connection_new(
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd, address);
    remember(server, connection);
    server->accepted++;
    http_table_enter(server, connection, address);
    *context = connection;
}

static enum MHD_Result admit(void *arg, const struct sockaddr *address, socklen_t len)
{
    (void)len;
    return http_table_admits(arg, address) ? MHD_YES : MHD_NO;
}

void http_server_note_refusal(const struct http_server *server,
                              const struct http_connection *connection, const char *code)
{
    const struct http_server_options *options = &server->options;
    if (options->on_refusal) {
        options->on_refusal(connection->request ? connection->request->path : "", code,
                            options->arg);
    }
}

// In the middle of a request libmicrohttpd takes no answer: write it and hang up.
void http_server_hang_up(struct http_server *server, struct http_connection *connection,
                         const char *status_line, const char *code, const char *sentence)
{
    struct bytes answer = http_refusal_answer(status_line, code, sentence);
    if (send(connection->fd, answer.data, answer.len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
        log_debug("a late client is gone already", log_text("peer", connection->peer));
    }
    shutdown(connection->fd, SHUT_RDWR);
    server->is_due = true;
    if (connection->request) {
        http_pause_end(connection->request); // so that libmicrohttpd sees its end
    }
    bytes_release(&answer);
    http_server_note_refusal(server, connection, code);
}

// --- the server -------------------------------------------------------------------------------

static void run(struct http_server *server, unsigned runs_max)
{
    unsigned runs = 0;
    http_tap_set(on_bytes, server);
    http_pause_take_turns(server);
    uint64_t begun_us = loop_now_us();
    while (
        server->is_due && runs < runs_max &&
        (runs++ == 0 || runs_max > RUNS_PER_TURN_MAX || loop_now_us() - begun_us < TURN_US_MAX)) {
        MHD_UNSIGNED_LONG_LONG timeout_ms = 0;
        server->is_due = false;
        server->accepted = 0;
        MHD_run(server->daemon);
        server->is_due |=
            MHD_get_timeout(server->daemon, &timeout_ms) == MHD_YES && timeout_ms == 0;
    }
    http_tap_remove();
}

static void turn(void *arg)
{
    struct http_server *server = arg;
    run(server, RUNS_PER_TURN_MAX);
    if (server->is_due || http_pause_has_any(server)) {
        loop_timer_start(server->tick, 0); // the rest in the next turn
    }
}

static void run_to_the_end(struct http_server *server)
{
    server->is_due = true;
    run(server, RUNS_AT_THE_END_MAX);
}

static void epoll_ready(int events, void *arg)
{
    (void)events;
    struct http_server *server = arg;
    server->is_due = true;
    turn(server);
}

static void look_for_late_clients(void *arg)
{
    struct http_server *server = arg;
    http_table_end_late(server);
    http_streams_end_stalled(server);
    // Out of descriptors, libmicrohttpd looks at its listening socket again only when it is run.
    server->is_due = true;
    loop_watch_set(server->watch, LOOP_READABLE);
    loop_timer_start(server->tick, TICK_MS);
}

// If there is no descriptor for it, a connection stays in the accept queue, and its readiness would
// turn the loop without end: it is left alone until the next tick.
static void run_out_of_descriptors(struct http_server *server)
{
    uint64_t now_ms = loop_now_ms();
    loop_watch_set(server->watch, 0);
    if (now_ms - server->complained_ms > COMPLAIN_EVERY_MS) {
        server->complained_ms = now_ms;
        log_error("out of file descriptors; new connections wait in the accept queue");
    }
}

__attribute__((format(printf, 2, 0))) static void
log_of_libmicrohttpd(void *arg, const char *format, va_list args)
{
    struct http_server *server = arg;
    char text[256];
    vsnprintf(text, sizeof text, format, args);
    if (server->watch && strstr(format, "resource limit")) {
        run_out_of_descriptors(server);
    }
    log_debug("libmicrohttpd reports", log_text("text", text));
}

bool http_server_can_listen_on(const char *listen_addr)
{
    struct sockaddr_storage address;
    return http_connection_address(listen_addr, 0, &address);
}

// libmicrohttpd accepts by itself, unless TLS stands in front of it.
static struct MHD_Daemon *start_daemon(struct http_server *server)
{
    const struct http_server_options *options = &server->options;
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    flags |= options->tls ? MHD_USE_NO_LISTEN_SOCKET : 0;
    return MHD_start_daemon(
        flags, 0, admit, server, http_request_go_on, server, MHD_OPTION_EXTERNAL_LOGGER,
        log_of_libmicrohttpd, server, MHD_OPTION_CONNECTION_LIMIT, options->connections_max,
        MHD_OPTION_CONNECTION_TIMEOUT, 0U, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)MEMORY_OF_CONNECTION, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_NOTIFY_CONNECTION,
        on_connection, server, MHD_OPTION_NOTIFY_COMPLETED, http_request_end, server,
        MHD_OPTION_URI_LOG_CALLBACK, http_request_begin, server,
        options->tls ? MHD_OPTION_END : MHD_OPTION_LISTEN_SOCKET, server->listening_fd,
        MHD_OPTION_END);
}

static void on_tls_connection(int fd, const struct sockaddr *peer, socklen_t len, void *arg)
{
    struct http_server *server = arg;
    MHD_add_connection(server->daemon, fd, peer, len); // which closes it if it is refused
    server->is_due = true;
}

// Returns whether it listens; else errno says why not.
static bool start(struct http_server *server)
{
    const struct http_server_options *options = &server->options;
    server->listening_fd = options->listening_fd > 0
                               ? options->listening_fd
                               : http_listener_open(options->listen_addr, options->port);
    if (server->listening_fd < 0) {
        return false;
    }
    server->port = http_listener_port(server->listening_fd);
    server->daemon = start_daemon(server);
    if (server->daemon && options->tls) {
        server->tls = http_tls_front_open(server->loop, server->listening_fd, options->tls,
                                          options->connections_max / HANDSHAKES_SHARE + 1,
                                          on_tls_connection, server);
    }
    if (server->daemon && (server->tls || !options->tls)) {
        return true;
    }
    if (server->daemon) {
        MHD_stop_daemon(server->daemon);
    } else {
        close(server->listening_fd);
    }
    return false;
}

static void release(struct http_server *server)
{
    http_linger_close(server->linger);
    http_shares_close(server->shares);
    free(server->by_fd);
    free(server);
}

struct http_server *http_server_open(struct loop *loop, const struct http_server_options *options)
{
    struct http_server *server = memory_zeroed(sizeof *server);
    server->loop = loop;
    server->options = *options;
    errno = 0;
    server->linger = http_linger_open(loop);
    server->shares = http_shares_open();
    http_bodies_init(&server->bodies, options->bodies_bytes_max);
    if (!start(server)) {
        log_error(errno == EADDRINUSE ? "cannot listen: another program uses this port; end it, or "
                                        "choose another port"
                                      : "cannot listen",
                  log_text("address", options->listen_addr), log_number("port", options->port),
                  log_text("error", errno ? strerror(errno) : "unknown"));
        release(server);
        return NULL;
    }
    int epoll_fd = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    server->watch = loop_watch_open(loop, epoll_fd, epoll_ready, server);
    loop_watch_set(server->watch, LOOP_READABLE);
    server->hook = loop_before_sleep(loop, turn, server);
    server->tick = loop_timer_open(loop, look_for_late_clients, server);
    loop_timer_start(server->tick, TICK_MS);
    return server;
}

uint16_t http_server_port(const struct http_server *server)
{
    return server->port;
}

unsigned http_server_connections(const struct http_server *server)
{
    return server->connections;
}

void http_server_use_tls(struct http_server *server, const struct http_tls *tls)
{
    if (server->tls) {
        http_tls_front_use(server->tls, tls);
    }
}

bool http_request_is_abandoned(const struct http_request *request)
{
    char byte;
    return recv(request->connection->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

void http_server_drain(struct http_server *server)
{
    if (server->draining_since_ms) {
        return;
    }
    http_streams_end(server);
    if (server->tls) {
        http_tls_front_stop(server->tls);
    }
    run_to_the_end(server); // those that wait to be accepted
    server->draining_since_ms = loop_now_ms();
    int listening_fd = MHD_quiesce_daemon(server->daemon);
    if (listening_fd >= 0) {
        close(listening_fd);
    }
}

bool http_server_is_drained(struct http_server *server)
{
    run_to_the_end(server); // requests that have come in by now are still served
    if (!server->draining_since_ms || server->parked > 0) {
        return false;
    }
    bool has_late_clients = server->tls && !http_tls_front_is_idle(server->tls);
    if (has_late_clients && loop_now_ms() - server->draining_since_ms < TLS_GRACE_MS) {
        return false;
    }
    bool is_patient = loop_now_ms() - server->draining_since_ms < FRESH_GRACE_MS;
    if (is_patient && (server->queues.queue[HTTP_QUEUE_IDLE].oldest ||
                       server->queues.queue[HTTP_QUEUE_KNOWN].oldest)) {
        return false; // a proxy may just be sending on it; its answer will say close
    }
    for (const struct http_connection *connection =
             server->queues.queue[HTTP_QUEUE_RECEIVING].oldest;
         connection; connection = connection->next) {
        if (connection->request || is_patient) {
            return false;
        }
    }
    return true;
}

void http_server_close(struct http_server *server)
{
    assert(server->parked == 0);
    server->is_closing = true;
    http_streams_end(server); // a connection that is suspended could not be closed
    http_pause_end_all(server);
    run_to_the_end(server); // the last answers leave
    http_tls_front_close(server->tls);
    run_to_the_end(server);
    loop_watch_close(server->watch);
    loop_hook_close(server->hook);
    loop_timer_close(server->tick);
    MHD_stop_daemon(server->daemon);
    release(server);
}
