// See http_stream.h. libmicrohttpd asks for bytes when the socket takes some; if there are none,
// the connection is suspended until bytes come. The stream lives as long as the response, which
// libmicrohttpd frees when the connection is over.
#include "http_stream.h"

#include "http_internal.h"
#include "memory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define BLOCK_BYTES 4096
#define BUFFER_BYTES_MAX (4 * 1024 * 1024) // above every `unsent_max`
#define BUFFER_BYTES_KEPT (64 * 1024)      // after it is sent: what a second full of events needs
#define SOCKET_BYTES (64 * 1024) // of the kernel's; by itself it takes megabytes for a slow reader

struct http_stream {
    struct http_stream *next, **link; // in the list of its server
    struct http_server *server;
    struct MHD_Connection *mhd;
    int fd;
    http_stream_on_gone *on_gone; // NULL: its owner has let it go
    void *arg;
    struct bytes unsent;
    size_t sent; // of `unsent`
    bool is_suspended;
    bool is_ended;
    uint64_t asked_ms; // when the socket last took bytes, or there were none to take
};

static void tell(struct http_stream *stream)
{
    http_stream_on_gone *on_gone = stream->on_gone;
    stream->on_gone = NULL;
    if (on_gone) {
        on_gone(stream->arg);
    }
}

static void go_on(struct http_stream *stream)
{
    stream->server->is_due = true;
    if (stream->is_suspended) {
        stream->is_suspended = false;
        stream->asked_ms = loop_now_ms();
        MHD_resume_connection(stream->mhd);
    }
}

static ssize_t take_unsent(struct http_stream *stream, char *out, size_t size)
{
    size_t left = stream->unsent.len - stream->sent;
    size_t len = left < size ? left : size;
    memcpy(out, stream->unsent.data + stream->sent, len);
    stream->sent += len;
    if (stream->sent == stream->unsent.len) {
        stream->sent = 0;
        bytes_clear(&stream->unsent);
        if (stream->unsent.capacity > BUFFER_BYTES_KEPT) {
            bytes_release(&stream->unsent);
            bytes_init(&stream->unsent, BUFFER_BYTES_MAX);
        }
    }
    return (ssize_t)len;
}

static ssize_t on_room(void *arg, uint64_t position, char *out, size_t size)
{
    (void)position;
    struct http_stream *stream = arg;
    stream->asked_ms = loop_now_ms();
    if (stream->unsent.len > 0) {
        return take_unsent(stream, out, size);
    }
    if (stream->is_ended) {
        return MHD_CONTENT_READER_END_OF_STREAM;
    }
    stream->is_suspended = true;
    MHD_suspend_connection(stream->mhd);
    return 0;
}

static void on_over(void *arg)
{
    struct http_stream *stream = arg;
    *stream->link = stream->next;
    if (stream->next) {
        stream->next->link = stream->link;
    }
    tell(stream);
    bytes_release(&stream->unsent);
    free(stream);
}

struct http_stream *http_stream_begin(struct http_request *request,
                                      const struct http_header *headers,
                                      http_stream_on_gone *on_gone, void *arg)
{
    const int socket_bytes = SOCKET_BYTES;
    struct http_stream *stream = memory_zeroed(sizeof *stream);
    struct http_server *server = request->server;
    setsockopt(request->connection->fd, SOL_SOCKET, SO_SNDBUF, &socket_bytes, sizeof socket_bytes);
    *stream = (struct http_stream){
        .next = server->streams,
        .link = &server->streams,
        .server = server,
        .mhd = request->mhd,
        .fd = request->connection->fd,
        .on_gone = on_gone,
        .arg = arg,
        .asked_ms = loop_now_ms(),
    };
    if (stream->next) {
        stream->next->link = &stream->next;
    }
    server->streams = stream;
    bytes_init(&stream->unsent, BUFFER_BYTES_MAX);
    request->is_stream = true;
    request->must_close = true;
    http_request_answer(
        request, 200,
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES, on_room, stream, on_over),
        headers);
    return stream;
}

static void cut_off(struct http_stream *stream)
{
    stream->is_ended = true;
    shutdown(stream->fd, SHUT_RDWR);
    go_on(stream);
    tell(stream);
}

static void drop_sent(struct http_stream *stream)
{
    struct bytes *unsent = &stream->unsent;
    if (stream->sent > unsent->len / 2) {
        unsent->len -= stream->sent;
        memmove(unsent->data, unsent->data + stream->sent, unsent->len);
        stream->sent = 0;
    }
}

bool http_stream_write(struct http_stream *stream, struct bytes_view bytes, size_t unsent_max)
{
    drop_sent(stream);
    if (stream->unsent.len - stream->sent + bytes.len > unsent_max ||
        !bytes_append_view(&stream->unsent, bytes)) {
        cut_off(stream);
        return false;
    }
    go_on(stream);
    return true;
}

void http_stream_end(struct http_stream *stream)
{
    stream->on_gone = NULL;
    stream->is_ended = true;
    go_on(stream);
}

void http_streams_end(struct http_server *server)
{
    for (struct http_stream *stream = server->streams; stream; stream = stream->next) {
        stream->is_ended = true;
        go_on(stream);
        tell(stream);
    }
}

void http_streams_end_stalled(struct http_server *server)
{
    uint64_t now_ms = loop_now_ms();
    for (struct http_stream *stream = server->streams; stream; stream = stream->next) {
        if (!stream->is_suspended && now_ms - stream->asked_ms > HTTP_STREAM_STALL_MS) {
            stream->asked_ms = now_ms;
            cut_off(stream);
        }
    }
}
