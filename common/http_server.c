// The one file that knows libmicrohttpd. It runs on the loop by its epoll descriptor, without a
// thread. A connection is in one of three queues: `receiving` (opened, or a request's first line
// has come: HTTP_REQUEST_DEADLINE_MS), `idle` (between two requests: HTTP_IDLE_MS), or none (its
// request is parked or being answered). Both queues are in order of time, so one look at their
// heads finds who is late; libmicrohttpd's own timeout counts only inactivity, which a byte a
// second outlives.
//
// Surprising: after MHD_resume_connection, and whenever MHD_get_timeout says 0, MHD_run has to be
// called again before the loop sleeps, or the client hangs (`turn`). And libmicrohttpd cannot
// answer in the middle of a body, so 408 and an overflowing chunked body's 413 are written to the
// socket directly, behind nothing: no answer has begun at that point.
#include "http_server.h"

#include "http_connection.h"
#include "http_framing.h"
#include "http_refusal.h"
#include "log.h"
#include "memory.h"

#include <assert.h>
#include <errno.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATH_BYTES_MAX 1024
#define DISCARDED_BYTES_MAX (1024 * 1024) // of a chunked body that is too large already
#define MEMORY_OF_CONNECTION (14 * 1024)  // head, its parsed form, and the answer's head
#define BACKLOG 4096
#define TICK_MS 250
#define FRESH_GRACE_MS 200 // while draining: a connection just accepted may still send its request
#define RUNS_PER_TURN_MAX 1000

enum phase { PHASE_HEAD, PHASE_BODY, PHASE_TOO_LARGE, PHASE_WHOLE };

struct http_request {
    struct http_server *server;
    struct http_connection *connection;
    struct MHD_Connection *mhd;
    const struct http_route *route;
    enum phase phase;
    bool is_suspended;
    bool is_aborted;
    bool must_close;
    unsigned status; // 0: not answered yet
    struct MHD_Response *response;
    uint64_t begun_us;
    uint64_t discarded_bytes;
    struct bytes body;
    const char *method;
    char path[PATH_BYTES_MAX];
};

struct http_server {
    struct loop *loop;
    struct MHD_Daemon *daemon;
    struct loop_watch *watch;
    struct loop_hook *hook;
    struct loop_timer *tick;
    struct http_server_options options;
    struct http_queues queues;
    size_t parked;              // whole requests, not answered yet
    bool is_due;                // MHD_run has work
    uint64_t draining_since_ms; // 0: not draining
};

// --- connections --------------------------------------------------------------------------------

static void on_connection(void *arg, struct MHD_Connection *mhd, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct http_server *server = arg;
    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        struct http_connection *connection = *context;
        http_connection_move(&server->queues, connection, HTTP_QUEUE_NONE);
        free(connection);
        *context = NULL;
        return;
    }
    struct http_connection *connection = http_connection_new(
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd,
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr);
    http_connection_move(&server->queues, connection, HTTP_QUEUE_RECEIVING);
    *context = connection;
}

// --- answers ----------------------------------------------------------------------------------

void http_reply(struct http_request *request, unsigned status, struct bytes_view body,
                const struct http_header *headers)
{
    assert(request->status == 0);
    bool has_type = false;
    request->status = status;
    union {
        const char *data;
        void *copied; // libmicrohttpd's parameter is not const, but it copies
    } buffer = {.data = body.data ? body.data : ""};
    request->response =
        MHD_create_response_from_buffer(body.len, buffer.copied, MHD_RESPMEM_MUST_COPY);
    assert(request->response);
    for (const struct http_header *header = headers; header && header->name; header++) {
        MHD_add_response_header(request->response, header->name, header->value);
        has_type |= !strcmp(header->name, "Content-Type");
    }
    if (!has_type) {
        MHD_add_response_header(request->response, "Content-Type", "application/json");
    }
    if (request->must_close || request->server->draining_since_ms) {
        MHD_add_response_header(request->response, "Connection", "close");
    }
    if (request->phase == PHASE_WHOLE) {
        request->server->parked--;
    }
    if (request->is_suspended) {
        request->is_suspended = false;
        request->server->is_due = true;
        MHD_resume_connection(request->mhd);
    }
}

void http_refuse(struct http_request *request, unsigned status, const char *code,
                 const char *sentence, unsigned retry_after_s)
{
    char seconds[16];
    struct http_header headers[] = {{NULL, NULL}, {NULL, NULL}};
    if (retry_after_s > 0) {
        snprintf(seconds, sizeof seconds, "%u", retry_after_s);
        headers[0] = (struct http_header){"Retry-After", seconds};
    }
    struct bytes body = http_refusal_body(code, sentence);
    http_reply(request, status, bytes_view(&body), headers);
    bytes_release(&body);
}

void http_abort(struct http_request *request)
{
    request->is_aborted = true;
    http_reply(request, 500, VIEW(""), NULL);
}

static void refuse_ourselves(struct http_request *request, unsigned status, const char *code,
                             const char *sentence)
{
    const struct http_server_options *options = &request->server->options;
    http_refuse(request, status, code, sentence, 0);
    if (options->on_refusal) {
        options->on_refusal(code, options->arg);
    }
}

// In the middle of a request, where libmicrohttpd takes no answer: write it and hang up.
static void answer_and_hang_up(struct http_server *server, struct http_connection *connection,
                               const char *status_line, const char *code, const char *sentence)
{
    struct bytes answer = http_refusal_answer(status_line, code, sentence);
    if (send(connection->fd, answer.data, answer.len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
        log_debug("a late client is gone already", log_text("peer", connection->peer));
    }
    shutdown(connection->fd, SHUT_RDWR);
    server->is_due = true;
    bytes_release(&answer);
    if (server->options.on_refusal) {
        server->options.on_refusal(code, server->options.arg);
    }
}

// --- a request's life -------------------------------------------------------------------------

static void *on_first_line(void *arg, const char *uri, struct MHD_Connection *mhd)
{
    struct http_server *server = arg;
    struct http_request *request = memory_zeroed(sizeof *request);
    request->server = server;
    request->mhd = mhd;
    request->connection =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
    request->connection->has_request = true;
    request->begun_us = loop_now_us();
    bytes_init(&request->body, server->options.body_bytes_max);
    size_t len = strcspn(uri, "?");
    if (len < sizeof request->path) { // a longer one stays empty, and is found nowhere
        memcpy(request->path, uri, len);
    }
    if (request->connection->queue != HTTP_QUEUE_RECEIVING) {
        http_connection_move(&server->queues, request->connection, HTTP_QUEUE_RECEIVING);
    }
    return request;
}

// Finds the route, or answers 404 or 405.
static void find_route(struct http_request *request)
{
    char allow[HTTP_ALLOW_BYTES];
    request->route =
        http_route_find(request->server->options.routes, request->method, request->path, allow);
    if (request->route) {
        return;
    }
    if (!allow[0]) {
        refuse_ourselves(request, 404, "not_found", "there is nothing at this path");
        return;
    }
    struct bytes body = http_refusal_body("method_not_allowed", "this path takes other methods");
    const struct http_header headers[] = {{"Allow", allow}, {NULL, NULL}};
    http_reply(request, 405, bytes_view(&body), headers);
    bytes_release(&body);
    if (request->server->options.on_refusal) {
        request->server->options.on_refusal("method_not_allowed", request->server->options.arg);
    }
}

static enum MHD_Result check_header(void *arg, enum MHD_ValueKind kind, const char *name,
                                    const char *value)
{
    (void)kind;
    http_framing_add(arg, name, value);
    return MHD_YES;
}

// Everything that can be said from the head alone.
static void judge_head(struct http_request *request)
{
    struct http_framing framing;
    http_framing_init(&framing);
    MHD_get_connection_values(request->mhd, MHD_HEADER_KIND, check_header, &framing);
    const char *problem = http_framing_problem(&framing);
    request->must_close = problem != NULL;
    find_route(request);
    if (request->status) {
        return;
    }
    if (problem) {
        refuse_ourselves(request, 400, "bad_request", problem);
    } else if (http_request_length(request) != UINT64_MAX &&
               http_request_length(request) > request->server->options.body_bytes_max) {
        request->must_close = true;
        refuse_ourselves(request, 413, "body_too_large",
                         "the body is longer than this server takes");
    } else if (request->route->on_head) {
        request->route->on_head(request, request->server->options.arg);
    }
}

static enum MHD_Result take_body(struct http_request *request, const char *data, size_t *size)
{
    if (request->phase == PHASE_BODY && !bytes_append(&request->body, data, *size)) {
        request->phase = PHASE_TOO_LARGE;
        request->must_close = true;
        bytes_clear(&request->body);
    }
    if (request->phase == PHASE_TOO_LARGE) {
        request->discarded_bytes += *size;
        if (request->discarded_bytes > DISCARDED_BYTES_MAX) {
            answer_and_hang_up(request->server, request->connection, "413 Content Too Large",
                               "body_too_large", "the body is longer than this server takes");
            return MHD_NO;
        }
    }
    *size = 0;
    return MHD_YES;
}

static void take_whole(struct http_request *request)
{
    http_connection_move(&request->server->queues, request->connection, HTTP_QUEUE_NONE);
    if (request->phase == PHASE_TOO_LARGE) {
        refuse_ourselves(request, 413, "body_too_large",
                         "the body is longer than this server takes");
        return;
    }
    request->phase = PHASE_WHOLE;
    request->server->parked++;
    request->route->on_request(request, request->server->options.arg);
}

static enum MHD_Result send_answer(struct http_request *request)
{
    if (request->is_aborted) {
        return MHD_NO;
    }
    http_connection_move(&request->server->queues, request->connection, HTTP_QUEUE_NONE);
    return MHD_queue_response(request->mhd, request->status, request->response);
}

static enum MHD_Result on_handler(void *arg, struct MHD_Connection *mhd, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *size, void **context)
{
    (void)arg, (void)url, (void)version;
    struct http_request *request = *context;
    if (request->status) { // resumed: the answer is there
        return send_answer(request);
    }
    if (request->phase == PHASE_HEAD) {
        request->method = method;
        judge_head(request);
        request->phase = request->status ? PHASE_HEAD : PHASE_BODY;
    } else if (*size > 0) {
        return take_body(request, data, size);
    } else {
        take_whole(request);
    }
    if (request->status) {
        return send_answer(request);
    }
    if (request->phase == PHASE_WHOLE) {
        request->is_suspended = true;
        MHD_suspend_connection(mhd);
    }
    return MHD_YES;
}

static void on_completed(void *arg, struct MHD_Connection *mhd, void **context,
                         enum MHD_RequestTerminationCode code)
{
    (void)mhd, (void)code;
    struct http_server *server = arg;
    struct http_request *request = *context;
    if (!request) {
        return;
    }
    request->connection->has_request = false;
    http_connection_move(&server->queues, request->connection, HTTP_QUEUE_IDLE);
    if (request->response) {
        MHD_destroy_response(request->response);
    }
    bytes_release(&request->body);
    free(request);
    *context = NULL;
}

// --- what a request says ----------------------------------------------------------------------

const char *http_request_method(const struct http_request *request)
{
    return request->method;
}

const char *http_request_path(const struct http_request *request)
{
    return request->path;
}

const char *http_request_query(const struct http_request *request, const char *name)
{
    return MHD_lookup_connection_value(request->mhd, MHD_GET_ARGUMENT_KIND, name);
}

const char *http_request_header(const struct http_request *request, const char *name)
{
    return MHD_lookup_connection_value(request->mhd, MHD_HEADER_KIND, name);
}

uint64_t http_request_length(const struct http_request *request)
{
    if (http_request_header(request, "Transfer-Encoding")) {
        return UINT64_MAX;
    }
    const char *length = http_request_header(request, "Content-Length");
    return length ? strtoull(length, NULL, 10) : 0;
}

const char *http_request_peer(const struct http_request *request)
{
    return request->connection->peer;
}

uint64_t http_request_begun_us(const struct http_request *request)
{
    return request->begun_us;
}

struct bytes_view http_request_body(const struct http_request *request)
{
    return bytes_view(&request->body);
}

// --- the server -------------------------------------------------------------------------------

static void turn(void *arg)
{
    struct http_server *server = arg;
    unsigned runs = 0;
    while (server->is_due && runs++ < RUNS_PER_TURN_MAX) {
        MHD_UNSIGNED_LONG_LONG timeout_ms = 0;
        server->is_due = false;
        MHD_run(server->daemon);
        server->is_due |=
            MHD_get_timeout(server->daemon, &timeout_ms) == MHD_YES && timeout_ms == 0;
    }
    if (server->is_due) {
        loop_timer_start(server->tick, 0); // the rest in the next turn
    }
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
    struct http_connection *late;
    while ((late = http_connection_late(&server->queues, HTTP_QUEUE_RECEIVING,
                                        HTTP_REQUEST_DEADLINE_MS)) != NULL) {
        http_connection_move(&server->queues, late, HTTP_QUEUE_NONE);
        answer_and_hang_up(server, late, "408 Request Timeout", "request_timeout",
                           "the request was not whole in time");
    }
    while ((late = http_connection_late(&server->queues, HTTP_QUEUE_IDLE, HTTP_IDLE_MS)) != NULL) {
        http_connection_move(&server->queues, late, HTTP_QUEUE_NONE);
        shutdown(late->fd, SHUT_RDWR);
        server->is_due = true;
    }
    loop_timer_start(server->tick, TICK_MS);
}

static void log_of_libmicrohttpd(void *arg, const char *format, va_list args)
{
    (void)arg;
    char text[256];
    vsnprintf(text, sizeof text, format, args);
    log_debug("libmicrohttpd says", log_text("text", text));
}

static struct MHD_Daemon *start_daemon(struct http_server *server)
{
    const struct http_server_options *options = &server->options;
    struct sockaddr_storage address;
    if (!http_connection_address(options->listen_addr, options->port, &address)) {
        errno = EADDRNOTAVAIL;
        return NULL;
    }
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    if (address.ss_family == AF_INET6) {
        flags |= MHD_USE_IPv6;
    }
    return MHD_start_daemon(
        flags, options->port, NULL, NULL, on_handler, server, MHD_OPTION_EXTERNAL_LOGGER,
        log_of_libmicrohttpd, NULL, MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_CONNECTION_LIMIT,
        options->connections_max, MHD_OPTION_CONNECTION_TIMEOUT, 0U,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY_OF_CONNECTION,
        MHD_OPTION_LISTEN_BACKLOG_SIZE, (unsigned)BACKLOG, MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, server, MHD_OPTION_NOTIFY_COMPLETED,
        on_completed, server, MHD_OPTION_URI_LOG_CALLBACK, on_first_line, server, MHD_OPTION_END);
}

struct http_server *http_server_open(struct loop *loop, const struct http_server_options *options)
{
    struct http_server *server = memory_zeroed(sizeof *server);
    server->loop = loop;
    server->options = *options;
    errno = 0;
    server->daemon = start_daemon(server);
    if (!server->daemon) {
        log_error("cannot listen", log_text("address", options->listen_addr),
                  log_number("port", options->port),
                  log_text("error", errno ? strerror(errno) : "unknown"));
        free(server);
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
    return MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
}

void http_server_drain(struct http_server *server)
{
    if (server->draining_since_ms) {
        return;
    }
    server->draining_since_ms = loop_now_ms();
    int listening_fd = MHD_quiesce_daemon(server->daemon);
    if (listening_fd >= 0) {
        close(listening_fd);
    }
}

bool http_server_is_drained(const struct http_server *server)
{
    if (!server->draining_since_ms || server->parked > 0) {
        return false;
    }
    bool is_patient = loop_now_ms() - server->draining_since_ms < FRESH_GRACE_MS;
    for (const struct http_connection *connection =
             server->queues.queue[HTTP_QUEUE_RECEIVING].oldest;
         connection; connection = connection->next) {
        if (connection->has_request || is_patient) {
            return false;
        }
    }
    return true;
}

void http_server_close(struct http_server *server)
{
    assert(server->parked == 0);
    server->is_due = true;
    turn(server); // the last answers leave
    loop_watch_close(server->watch);
    loop_hook_close(server->hook);
    loop_timer_close(server->tick);
    MHD_stop_daemon(server->daemon);
    free(server);
}
