// One request, one callback: libcurl's multi interface on the loop. A request is sent at most once:
// libcurl would send it again by itself when a reused connection dies before the answer's first
// byte; here it has to ask before each sending (CURLOPT_PREREQFUNCTION), and the second is refused.
// HTTP/1.1 only, no redirects, no proxy, no content encodings, certificates always checked.
#ifndef DIALIN_HTTP_CLIENT_H
#define DIALIN_HTTP_CLIENT_H

#include "bytes.h"
#include "http_authorities.h"
#include "loop.h"

#include <stdbool.h>
#include <stdint.h>

#define HTTP_ANSWER_BYTES_MAX 65536 // more is cut off, with the connection
#define HTTP_ANSWER_HEAD_BYTES_MAX 65536
#define HTTP_CONNECT_TIMEOUT_MS 5000 // the default
#define HTTP_KEPT_IDLE_S 4           // uvicorn closes idle connections after 5 s: be first

enum http_outcome {
    HTTP_ANSWERED, // a status line came; `status` is its code
    HTTP_NOT_SENT, // no connection, or forbidden by may_send: it cannot have been carried out
    HTTP_UNKNOWN,  // sent, wholly or in part, and no answer: it may have been carried out
};

struct http_answer {
    enum http_outcome outcome;
    unsigned status;
    struct bytes_view body;        // borrowed for the callback
    bool came_too_late;            // NOT_SENT since may_send forbade it: no failure of the server
    bool body_is_cut;              // longer than HTTP_ANSWER_BYTES_MAX, or broken off
    struct bytes_view retry_after; // the header's value; empty if absent
    struct bytes_view location;    // likewise
    const char *error;             // a sentence if something went wrong, else NULL
    uint64_t latency_us;           // from the call to the callback
};

struct http_post {
    const char *method; // GET, which sends no body, or PUT; NULL: POST
    const char *url;
    const char *const *headers; // "Name: value" lines, ends with NULL; copied
    struct bytes_view body;     // copied
    uint64_t timeout_ms;        // total
    // Asked in the instant before it leaves; false breaks the request off unsent. May be NULL.
    bool (*may_send)(void *arg);
};

struct http_client;
typedef void http_on_answer(const struct http_answer *answer, void *arg);

struct http_client_settings {
    unsigned connections_max;    // further requests wait inside
    uint64_t connect_timeout_ms; // name, connection and TLS together
    // A connection whose data the other side does not acknowledge for so long is broken; 0: the
    // kernel's default.
    uint64_t unacknowledged_ms;
    struct http_authorities *authorities; // who may certify a server; NULL: libcurl's own. Kept
};

struct http_client *http_client_open(struct loop *loop,
                                     const struct http_client_settings *settings);

// Other authorities from now on: requests that have not begun use no connection and no TLS session
// of the former ones. Nothing happens if they are the same, or NULL.
void http_client_trust(struct http_client *client, struct http_authorities *authorities);

// Exactly one callback, never from inside this call.
void http_client_post(struct http_client *client, const struct http_post *post,
                      http_on_answer *on_answer, void *arg);

// So many requests wait for their TLS that further ones are better left to others, or for later.
bool http_client_is_behind(const struct http_client *client);

// Requests still out are broken off; their callbacks come before this returns.
void http_client_close(struct http_client *client);

#endif
