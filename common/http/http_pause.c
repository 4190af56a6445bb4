// See http_pause.h.
#include "http_pause.h"

static bool is_whole(const struct http_request *request)
{
    return request->body.len + request->discarded_bytes >= http_request_length(request);
}

void http_pause_after(struct http_request *request, size_t size)
{
    struct http_pauses *pauses = &request->server->pauses;
    if (request->is_paused || request->body_link.is_known || size < HTTP_PAUSE_PIECE_BYTES ||
        is_whole(request)) {
        return;
    }
    request->is_paused = true;
    request->next_paused = NULL;
    request->previous_paused = pauses->newest;
    *(pauses->newest ? &pauses->newest->next_paused : &pauses->oldest) = request;
    pauses->newest = request;
    MHD_suspend_connection(request->mhd);
}

void http_pause_end(struct http_request *request)
{
    struct http_pauses *pauses = &request->server->pauses;
    if (!request->is_paused) {
        return;
    }
    request->is_paused = false;
    *(request->previous_paused ? &request->previous_paused->next_paused : &pauses->oldest) =
        request->next_paused;
    *(request->next_paused ? &request->next_paused->previous_paused : &pauses->newest) =
        request->previous_paused;
    request->server->is_due = true;
    MHD_resume_connection(request->mhd);
}

void http_pause_take_turns(struct http_server *server)
{
    // As many as it accepts at most: others wait to be accepted, and go first.
    unsigned count =
        server->accepted < HTTP_PAUSE_ACCEPTED_MAX ? HTTP_PAUSE_BODIES : HTTP_PAUSE_BODIES_CROWDED;
    for (unsigned i = 0; i < count && server->pauses.oldest; i++) {
        http_pause_end(server->pauses.oldest);
    }
}

bool http_pause_has_any(const struct http_server *server)
{
    return server->pauses.oldest != NULL;
}

void http_pause_end_all(struct http_server *server)
{
    while (server->pauses.oldest) {
        http_pause_end(server->pauses.oldest);
    }
}
