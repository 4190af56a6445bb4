// One request's life in the server: its head is judged, its body collected, it is handed to its
// route, parked by suspending the connection, and answered now or later.
//
// Surprising: libmicrohttpd may have understood only a part of a head, so the
// bytes are compared with that part (`is_canonical`).
#include "http_framing.h"
#include "http_head.h"
#include "http_internal.h"
#include "http_pause.h"
#include "http_refusal.h"
#include "http_share.h"
#include "http_table.h"
#include "loop.h"
#include "memory.h"

#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DISCARDED_BYTES_MAX (1024 * 1024) // of a body that is refused already

// --- answers ----------------------------------------------------------------------------------

// A stranger's connection serves `stranger_requests_max` requests: a flood costs its sender a
// connection for each of them, and connections are accepted in turn with everybody else's. An
// answer to a genuine request never closes the connection for this: the sender is known by then.
static bool has_asked_enough(const struct http_request *request)
{
    const struct http_connection *connection = request->connection;
    unsigned max = request->server->options.stranger_requests_max;
    return max > 0 && !connection->is_genuine && connection->requests >= max;
}

static bool add_headers(struct MHD_Response *response, const struct http_header *headers)
{
    bool has_type = false;
    for (const struct http_header *header = headers; header && header->name; header++) {
        MHD_add_response_header(response, header->name, header->value);
        has_type |= !strcmp(header->name, "Content-Type");
    }
    return has_type;
}

void http_request_answer(struct http_request *request, unsigned status,
                         struct MHD_Response *response, const struct http_header *headers)
{
    assert(request->status == 0 && response);
    request->status = status;
    request->response = response;
    add_headers(response, request->server->options.headers);
    if (!add_headers(response, headers)) {
        MHD_add_response_header(response, "Content-Type", "application/json");
    }
    if (request->must_close || has_asked_enough(request) || request->server->draining_since_ms) {
        MHD_add_response_header(response, "Connection", "close");
    }
    if (request->phase == HTTP_WHOLE) {
        request->server->parked--;
    }
    if (request->is_suspended) {
        request->is_suspended = false;
        request->server->is_due = true;
        MHD_resume_connection(request->mhd);
    }
}

void http_reply(struct http_request *request, unsigned status, struct bytes_view body,
                const struct http_header *headers)
{
    union {
        const char *data;
        void *copied; // libmicrohttpd's parameter is not const, but it copies
    } buffer = {.data = body.data ? body.data : ""};
    http_request_answer(
        request, status,
        MHD_create_response_from_buffer(body.len, buffer.copied, MHD_RESPMEM_MUST_COPY), headers);
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
    http_refuse(request, status, code, sentence, 0);
    http_server_note_refusal(request->server, request->connection, code);
}

// --- a request's life -------------------------------------------------------------------------

// libmicrohttpd is about to decode the URI in place, so it is compared before that.
static bool uri_is_exact(const struct http_raw *raw, const char *uri)
{
    struct bytes_view view = http_raw_view(raw);
    const char *blank = view.len > 0 ? memchr(view.data, ' ', view.len) : NULL;
    size_t len = strlen(uri);
    return blank && len < (size_t)(view.data + view.len - blank) && !memcmp(blank + 1, uri, len);
}

void *http_request_begin(void *arg, const char *uri, struct MHD_Connection *mhd)
{
    struct http_server *server = arg;
    struct http_request *request = memory_zeroed(sizeof *request);
    request->server = server;
    request->mhd = mhd;
    request->connection =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
    request->connection->request = request;
    request->connection->requests++;
    request->begun_us = loop_now_us();
    request->body_link.is_known = request->connection->is_genuine ||
                                  http_share_is_genuine(request->connection->share, loop_now_ms());
    request->cut = (struct http_cut){.bytes_max = server->options.body_bytes_max};
    bytes_init(&request->body, server->options.body_bytes_max);
    size_t len = strcspn(uri, "?");
    request->uri_len = strlen(uri);
    request->uri_is_exact = uri_is_exact(&request->connection->raw, uri);
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
    http_server_note_refusal(request->server, request->connection, "method_not_allowed");
}

static enum MHD_Result check_header(void *arg, enum MHD_ValueKind kind, const char *name,
                                    const char *value)
{
    (void)kind;
    http_framing_add(arg, name, value);
    return MHD_YES;
}

static enum MHD_Result compare_header(void *arg, enum MHD_ValueKind kind, const char *name,
                                      const char *value)
{
    (void)kind;
    http_head_expect_header(arg, name, value);
    return MHD_YES;
}

// The head as it came; empty if it is not to be had.
static struct bytes_view raw_head(const struct http_request *request)
{
    struct bytes_view raw = http_raw_view(&request->connection->raw);
    size_t len =
        MHD_get_connection_info(request->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE)->header_size;
    return (struct bytes_view){raw.data, len <= raw.len ? len : 0};
}

// Is what libmicrohttpd has understood of the head, written as usual, what stands there byte for
// byte? If not, a proxy may have read it differently: it is answered, but nothing after it.
static bool is_canonical(const struct http_request *request, struct bytes_view raw)
{
    struct http_head head;
    http_head_begin(&head, raw);
    http_head_expect(&head, request->method);
    http_head_expect(&head, " ");
    http_head_skip(&head, request->uri_len);
    http_head_expect(&head, " ");
    http_head_expect(&head, request->version);
    http_head_expect(&head, "\r\n");
    MHD_get_connection_values(request->mhd, MHD_HEADER_KIND, compare_header, &head);
    http_head_expect(&head, "\r\n");
    return request->uri_is_exact && http_head_is_exact(&head);
}

// Everything that can be said from the head alone.
static void judge_head(struct http_request *request)
{
    struct http_framing framing;
    http_framing_init(&framing);
    MHD_get_connection_values(request->mhd, MHD_HEADER_KIND, check_header, &framing);
    struct bytes_view raw = raw_head(request);
    const char *problem =
        http_head_has_nul(raw) ? "the head has a NUL" : http_framing_problem(&framing);
    // Of a chunked body libmicrohttpd takes bare line ends too, which are not looked at here.
    request->must_close = problem || framing.transfer_encodings > 0 || !is_canonical(request, raw);
    if (request->must_close) {
        http_raw_end(&request->connection->raw);
    } else {
        http_raw_pass(&request->connection->raw, raw.len, http_request_length(request));
    }
    find_route(request);
    if (request->status) {
        return;
    }
    if (problem) {
        refuse_ourselves(request, 400, "bad_request", problem);
    } else if (http_request_length(request) != UINT64_MAX &&
               http_request_length(request) > request->server->options.body_bytes_max) {
        refuse_ourselves(request, 413, "body_too_large",
                         "the body is longer than this server takes");
    } else if (request->route->on_head) {
        request->route->on_head(request, request->server->options.arg);
    }
}

static enum MHD_Result send_answer(struct http_request *request)
{
    if (request->is_aborted) {
        return MHD_NO;
    }
    http_connection_move(&request->server->queues, request->connection,
                         request->is_stream ? HTTP_QUEUE_NONE : HTTP_QUEUE_ANSWERING);
    return MHD_queue_response(request->mhd, request->status, request->response);
}

static enum MHD_Result take_head(struct http_request *request)
{
    judge_head(request);
    if (!request->status) {
        request->phase = HTTP_BODY;
        return MHD_YES;
    }
    request->connection->must_linger = http_request_length(request) > 0; // its body is not read
    return send_answer(request);
}

void http_request_drop_body(struct http_request *request)
{
    http_bodies_set(&request->server->bodies, &request->body_link, 0);
    bytes_release(&request->body);
}

static void cut_off(struct http_request *request, const char *status_line, const char *code,
                    const char *sentence)
{
    request->phase = HTTP_CUT;
    http_request_drop_body(request);
    http_connection_move(&request->server->queues, request->connection, HTTP_QUEUE_NONE);
    http_server_hang_up(request->server, request->connection, status_line, code, sentence);
}

static struct http_request *request_of(struct http_body_link *body_link)
{
    return (struct http_request *)(void *)((char *)body_link -
                                           offsetof(struct http_request, body_link));
}

static void append_body(struct http_request *request, const char *data, size_t size)
{
    struct http_server *server = request->server;
    struct http_body_link *victim;
    if (!bytes_append(&request->body, data, size)) {
        request->phase = HTTP_DISCARDED;
        http_request_drop_body(request);
        return;
    }
    if (request->cut.status_line && request->body.len > request->cut.bytes_max) {
        cut_off(request, request->cut.status_line, request->cut.code, request->cut.sentence);
        return;
    }
    http_bodies_set(&server->bodies, &request->body_link, request->body.capacity);
    while ((victim = http_bodies_victim(&server->bodies)) != NULL) {
        cut_off(request_of(victim), "503 Service Unavailable", "busy",
                "too many bodies are being received; try again");
    }
}

static enum MHD_Result take_body(struct http_request *request, const char *data, size_t *size)
{
    size_t taken = *size;
    if (request->phase == HTTP_BODY) {
        append_body(request, data, *size);
    }
    if (request->phase == HTTP_CUT) {
        return MHD_NO;
    }
    if (request->phase == HTTP_DISCARDED) {
        request->discarded_bytes += *size;
        if (request->discarded_bytes > DISCARDED_BYTES_MAX) {
            http_server_hang_up(request->server, request->connection, "413 Content Too Large",
                                "body_too_large", "the body is longer than this server takes");
            return MHD_NO;
        }
    }
    *size = 0;
    http_pause_after(request, taken);
    return MHD_YES;
}

static void take_whole(struct http_request *request)
{
    http_connection_move(&request->server->queues, request->connection, HTTP_QUEUE_NONE);
    if (request->phase == HTTP_DISCARDED) {
        refuse_ourselves(request, 413, "body_too_large",
                         "the body is longer than this server takes");
        return;
    }
    request->phase = HTTP_WHOLE;
    http_bodies_set(&request->server->bodies, &request->body_link, 0);
    request->server->parked++;
    request->route->on_request(request, request->server->options.arg);
}

enum MHD_Result http_request_go_on(void *arg, struct MHD_Connection *mhd, const char *url,
                                   const char *method, const char *version, const char *data,
                                   size_t *size, void **context)
{
    (void)arg, (void)url;
    struct http_request *request = *context;
    if (request->phase == HTTP_WHOLE) { // resumed: the answer is there
        return send_answer(request);
    }
    if (request->server->is_closing) {
        return MHD_NO;
    }
    if (request->phase == HTTP_HEAD) {
        request->method = method;
        request->version = version;
        return take_head(request);
    }
    if (*size > 0) {
        return take_body(request, data, size);
    }
    if (request->phase == HTTP_CUT) {
        return MHD_NO;
    }
    take_whole(request);
    if (request->status) {
        return send_answer(request);
    }
    request->is_suspended = true;
    MHD_suspend_connection(mhd);
    return MHD_YES;
}

void http_request_end(void *arg, struct MHD_Connection *mhd, void **context,
                      enum MHD_RequestTerminationCode code)
{
    (void)mhd, (void)code;
    struct http_server *server = arg;
    struct http_request *request = *context;
    if (!request) {
        return;
    }
    request->connection->request = NULL;
    http_table_rest(server, request->connection);
    if (request->response) {
        MHD_destroy_response(request->response);
    }
    http_request_drop_body(request);
    free(request);
    *context = NULL;
}

// --- reading a request ------------------------------------------------------------------------

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

struct prefix {
    const char *text;
    bool is_found;
};

static enum MHD_Result find_prefix(void *arg, enum MHD_ValueKind kind, const char *name,
                                   const char *value)
{
    (void)kind, (void)value;
    struct prefix *prefix = arg;
    prefix->is_found = !strncasecmp(name, prefix->text, strlen(prefix->text));
    return prefix->is_found ? MHD_NO : MHD_YES;
}

bool http_request_has_header_like(const struct http_request *request, const char *prefix)
{
    struct prefix search = {prefix, false};
    MHD_get_connection_values(request->mhd, MHD_HEADER_KIND, find_prefix, &search);
    return search.is_found;
}

struct joined {
    const char *name;
    struct bytes *out;
};

static enum MHD_Result join_header(void *arg, enum MHD_ValueKind kind, const char *name,
                                   const char *value)
{
    (void)kind;
    struct joined *joined = arg;
    if (value && !strcasecmp(name, joined->name)) {
        bytes_append_text(joined->out, joined->out->len > 0 ? "," : "");
        bytes_append_text(joined->out, value);
    }
    return MHD_YES;
}

void http_request_header_joined(const struct http_request *request, const char *name,
                                struct bytes *out)
{
    struct joined joined = {name, out};
    MHD_get_connection_values(request->mhd, MHD_HEADER_KIND, join_header, &joined);
}

uint64_t http_request_length(const struct http_request *request)
{
    if (http_request_header(request, "Transfer-Encoding")) {
        return UINT64_MAX;
    }
    const char *length = http_request_header(request, "Content-Length");
    return length ? strtoull(length, NULL, 10) : 0;
}

void http_request_limit_body(struct http_request *request, const struct http_cut *cut)
{
    request->cut = *cut;
}

void http_request_is_genuine(struct http_request *request)
{
    request->connection->is_genuine = true;
    http_share_note_genuine(request->connection->share, loop_now_ms());
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
