// Inside of http_server: shared by http_server.c (the daemon and its connections) and
// http_request.c (one request's life). Nobody else includes it.
#ifndef DIALIN_HTTP_INTERNAL_H
#define DIALIN_HTTP_INTERNAL_H

#include "http_bodies.h"
#include "http_connection.h"
#include "http_linger.h"
#include "http_server.h"

#include <microhttpd.h>

#define HTTP_PATH_BYTES_MAX 1024

// Requests whose bodies are paused (http_pause.h), in order.
struct http_pauses {
    struct http_request *oldest, *newest;
};

struct http_server {
    struct loop *loop;
    struct MHD_Daemon *daemon;
    struct http_tls_front *tls; // NULL: plain http
    int listening_fd;
    uint16_t port;
    struct loop_watch *watch;
    struct loop_hook *hook;
    struct loop_timer *tick;
    struct http_server_options options;
    struct http_queues queues;
    struct http_linger *linger;
    struct http_bodies bodies;
    struct http_pauses pauses;
    struct http_shares *shares;
    struct http_connection **by_fd; // for the tap; NULL if there is none
    size_t fds;                     // length of by_fd
    struct http_stream *streams;    // a list
    unsigned connections;
    uint64_t ended_early, refused_early; // since crowded_ms, when that was logged
    uint64_t crowded_ms;
    size_t parked;              // whole requests, not answered yet
    unsigned accepted;          // by the last MHD_run
    bool is_due;                // MHD_run has work
    uint64_t complained_ms;     // of descriptors that have run out
    uint64_t draining_since_ms; // 0: not draining
    bool is_closing;            // no request is handed to a route
};

enum http_phase {
    HTTP_HEAD,
    HTTP_BODY,
    HTTP_DISCARDED, // too large: the body is read to its end and thrown away
    HTTP_CUT,       // its connection was hung up on: later bytes are thrown away
    HTTP_WHOLE,
};

struct http_request {
    struct http_server *server;
    struct http_connection *connection;
    struct MHD_Connection *mhd;
    const struct http_route *route;
    enum http_phase phase;
    bool is_suspended;
    bool is_paused; // in the middle of its body
    struct http_request *next_paused, *previous_paused;
    bool is_aborted;
    bool is_stream; // its answer has no end
    bool must_close;
    bool uri_is_exact; // it stands in the head as it was reported
    struct http_body_link body_link;
    struct http_cut cut; // the limit of this request's body
    unsigned status;     // 0: not answered yet
    struct MHD_Response *response;
    uint64_t begun_us;
    uint64_t discarded_bytes;
    struct bytes body;
    const char *method;
    const char *version;
    size_t uri_len; // as it came, with the query
    char path[HTTP_PATH_BYTES_MAX];
};

// libmicrohttpd's callbacks about requests; `arg` is the server.
void *http_request_begin(void *arg, const char *uri, struct MHD_Connection *mhd);
enum MHD_Result http_request_go_on(void *arg, struct MHD_Connection *mhd, const char *url,
                                   const char *method, const char *version, const char *data,
                                   size_t *size, void **context);
void http_request_end(void *arg, struct MHD_Connection *mhd, void **context,
                      enum MHD_RequestTerminationCode code);

// Answers with a response, which becomes the request's. Its type is JSON unless `headers` say else.
void http_request_answer(struct http_request *request, unsigned status,
                         struct MHD_Response *response, const struct http_header *headers);

// Ends all streams, in order; their owners are told. And those whose clients take nothing.
void http_streams_end(struct http_server *server);
void http_streams_end_stalled(struct http_server *server);

// Gives up the body's memory, and takes no more of it.
void http_request_drop_body(struct http_request *request);

// Tells the owner of the server that it has refused what came over this connection.
void http_server_note_refusal(const struct http_server *server,
                              const struct http_connection *connection, const char *code);

// In the middle of a request, when libmicrohttpd takes no answer: writes it and hangs up.
void http_server_hang_up(struct http_server *server, struct http_connection *connection,
                         const char *status_line, const char *code, const char *sentence);

#endif
