// An HTTP/1.1 server on the loop: a small interface to libmicrohttpd. It finds the route, refuses
// requests that are malformed, too large or too slow, collects the body, and hands over a whole
// request, which is parked until it is answered, now or later.
//
// Checked in this order, before the body is read: path (404), method (405 with Allow), framing and
// headers (400, the connection closes), length (413). 408 comes when a request is not whole
// HTTP_REQUEST_DEADLINE_MS after its connection opened or its first line came; a client that has
// not read its answer after as long is cut off. A crowded table shortens these times
// (http_table.c).
//
// A sender is a stranger until http_request_is_genuine() is called for a request of his; his
// connection then serves any number of requests. Before, it serves `stranger_requests_max`, and the
// last of these answers says `Connection: close`: behind a limit of 1 (the ingress) a flood of
// requests is a flood of connections, which are accepted 10 at a time between the requests of
// others.
#ifndef DIALIN_HTTP_SERVER_H
#define DIALIN_HTTP_SERVER_H

#include "bytes.h"
#include "http_tls.h"
#include "loop.h"

#include <stdbool.h>
#include <stdint.h>

#define HTTP_HEAD_BYTES_MAX 8192
#define HTTP_HEADERS_MAX 64
#define HTTP_REQUEST_DEADLINE_MS 10000
#define HTTP_IDLE_MS 60000      // between two requests of one connection
#define HTTP_CROWDED_PERCENT 80 // of connections_max: from here on connections make room

struct http_server;
struct http_request;

// One route. A path segment "*" matches any one segment. GET routes answer HEAD too.
struct http_route {
    const char *method;
    const char *path;
    // May refuse from the head alone, by answering; the body is then not read. NULL: no opinion.
    void (*on_head)(struct http_request *request, void *arg);
    // The request is whole: to be answered exactly once, now or later.
    void (*on_request)(struct http_request *request, void *arg);
};

// The route of a request, or NULL: then `allow` lists the methods that this path takes, and is
// empty if there is nothing at this path.
#define HTTP_ALLOW_BYTES 64
const struct http_route *http_route_find(const struct http_route *routes, const char *method,
                                         const char *path, char allow[HTTP_ALLOW_BYTES]);

struct http_server_options {
    const char *listen_addr;    // numeric IPv4 or IPv6 address
    uint16_t port;              // 0: the system chooses; see http_server_port
    const struct http_tls *tls; // NULL: plain http; borrowed until http_server_use_tls
    int listening_fd; // a listening socket in place of both, which the server closes; 0: none
    size_t body_bytes_max;
    uint64_t bodies_bytes_max; // of all that are being received; above it strangers get 503
    unsigned connections_max;
    unsigned stranger_requests_max;  // on a connection that carried nothing genuine; 0: any number
    unsigned loopback_reserve;       // of these, for clients on this machine
    const struct http_route *routes; // borrowed; ends with a row without a method
    void *arg;                       // for the routes' functions
    const struct http_header *headers; // of every answer; borrowed, ends like those of http_reply
    // Is this the address of a proxy of ours? It may have more than its share. NULL: there is none.
    bool (*is_proxy)(const char *address, void *arg);
    // Told of each refusal that the server itself makes, for counting. `path` is empty if none was
    // received yet, or it is too long. May be NULL.
    void (*on_refusal)(const char *path, const char *code, void *arg);
};

// Is this an address to listen on: numeric, IPv4 or IPv6?
bool http_server_can_listen_on(const char *listen_addr);

// Returns NULL, after logging the reason, if it cannot listen on the address.
struct http_server *http_server_open(struct loop *loop, const struct http_server_options *options);
uint16_t http_server_port(const struct http_server *server);
unsigned http_server_connections(const struct http_server *server); // that are open

// Serves another certificate from the next handshake on; borrowed. For a server that has TLS.
void http_server_use_tls(struct http_server *server, const struct http_tls *tls);

// Accepts no further connections; requests that have begun are served and their connections
// closed after the answer.
void http_server_drain(struct http_server *server);
bool http_server_is_drained(struct http_server *server); // no request is under way

// Every request must have been answered before.
void http_server_close(struct http_server *server);

// Of a request; borrowed until it is answered.
const char *http_request_method(const struct http_request *request);
const char *http_request_path(const struct http_request *request); // without the query
const char *http_request_query(const struct http_request *request, const char *name);  // or NULL
const char *http_request_header(const struct http_request *request, const char *name); // or NULL

// Is there a header whose name begins so, in any case?
bool http_request_has_header_like(const struct http_request *request, const char *prefix);

// Appends all lines of a header that may come in several, with commas between them.
void http_request_header_joined(const struct http_request *request, const char *name,
                                struct bytes *out);
uint64_t http_request_length(const struct http_request *request);   // declared; UINT64_MAX: chunked
const char *http_request_peer(const struct http_request *request);  // numeric address
uint64_t http_request_begun_us(const struct http_request *request); // loop_now_us of its head
struct bytes_view http_request_body(const struct http_request *request);

// Limits the body of this request further; for on_head. A longer one is cut off with this answer.
struct http_cut {
    size_t bytes_max;
    const char *status_line, *code, *sentence; // borrowed for the request's life
};
void http_request_limit_body(struct http_request *request, const struct http_cut *cut);

// Has its client closed the connection while it waits for the answer? It must be answered all the
// same.
bool http_request_is_abandoned(const struct http_request *request);

// The sender has proven who he is: his connection and his address are not made to make room.
void http_request_is_genuine(struct http_request *request);

struct http_header {
    const char *name;
    const char *value;
};

// Answers, and gives the request back to the server. Content-Type is JSON unless a header says
// otherwise. `headers` ends with a row without a name, or is NULL.
void http_reply(struct http_request *request, unsigned status, struct bytes_view body,
                const struct http_header *headers);

// Answers {"error":"<sentence>","code":"<code>"}. `retry_after_s` 0: no Retry-After.
void http_refuse(struct http_request *request, unsigned status, const char *code,
                 const char *sentence, unsigned retry_after_s);

// Ends the connection without an answer (for the programs that play faults).
void http_abort(struct http_request *request);

#endif
