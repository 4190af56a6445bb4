// Long bodies of strangers take turns, so that a run of libmicrohttpd, which serves all connections
// that have bytes, stays short while thousands send. A body is paused after each piece of it, by
// suspending its connection; each turn of the loop goes on with the oldest few. A body that comes
// with its head, as a webhook's does, is never paused, nor one of a sender who is known.
//
// Not in each run: after a resume, libmicrohttpd walks through all suspended connections.
#ifndef DIALIN_HTTP_PAUSE_H
#define DIALIN_HTTP_PAUSE_H

#include "http_internal.h"

#define HTTP_PAUSE_PIECE_BYTES 1024 // after a shorter piece nobody is paused
#define HTTP_PAUSE_BODIES 32        // that go on in a turn
#define HTTP_PAUSE_BODIES_CROWDED 4 // while more connections come than a run accepts
#define HTTP_PAUSE_ACCEPTED_MAX 10  // by a run of libmicrohttpd

// `size` more bytes of the body have come.
void http_pause_after(struct http_request *request, size_t size);

// Goes on with this one, whose connection is to end; nothing if it is not paused.
void http_pause_end(struct http_request *request);

void http_pause_take_turns(struct http_server *server); // before a turn
bool http_pause_has_any(const struct http_server *server);
void http_pause_end_all(struct http_server *server);

#endif
