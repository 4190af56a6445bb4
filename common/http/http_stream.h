// An answer without an end: bytes are added while its connection stays open (server-sent events).
// It suspends its own connection while it has nothing to send.
#ifndef DIALIN_HTTP_STREAM_H
#define DIALIN_HTTP_STREAM_H

#include "http_server.h"

#define HTTP_STREAM_STALL_MS 30000 // a client that takes nothing for so long is cut off

struct http_stream;

// Told once, when the stream is over for whatever reason; the stream is freed after it. It may come
// from inside http_stream_write. Never comes if the owner has called http_stream_end.
typedef void http_stream_on_gone(void *arg);

// Answers 200 and keeps the answer open. The request is given back to the server. `headers` as for
// http_reply. A client that is gone is noticed at the next bytes that are sent to it.
struct http_stream *http_stream_begin(struct http_request *request,
                                      const struct http_header *headers,
                                      http_stream_on_gone *on_gone, void *arg);

// Adds bytes. A stream that holds more than `unsent_max` of them is ended (its client reads too
// slowly): on_gone is called, and false returned.
bool http_stream_write(struct http_stream *stream, struct bytes_view bytes, size_t unsent_max);

// Sends what is there and closes. No callback follows; the stream is the server's.
void http_stream_end(struct http_stream *stream);

#endif
