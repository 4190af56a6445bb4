// See http_client_queue.h.
#include "http_client_queue.h"

void http_queue_init(struct http_queue *queue)
{
    *queue = (struct http_queue){.end = &queue->first};
}

void http_queue_add(struct http_queue *queue, struct http_queued *queued, bool is_tls)
{
    *queued = (struct http_queued){.is_tls = is_tls};
    queue->tls_waiting += is_tls ? 1 : 0;
    *queue->end = queued;
    queue->end = &queued->next;
}

unsigned http_queue_may_begin(const struct http_queue *queue, bool are_sockets_ready)
{
    if (!queue->first || queue->connecting >= HTTP_CONNECTING_MAX) {
        return 0;
    }
    unsigned room = HTTP_CONNECTING_MAX - queue->connecting;
    unsigned most = !queue->first->is_tls ? HTTP_BEGIN_PER_TURN
                    : are_sockets_ready   ? HTTP_TLS_BEGIN_PER_BUSY_TURN
                                          : HTTP_TLS_BEGIN_PER_TURN;
    return most < room ? most : room;
}

struct http_queued *http_queue_take(struct http_queue *queue)
{
    struct http_queued *queued = queue->first;
    if (!queued) {
        return NULL;
    }
    queue->first = queued->next;
    if (!queue->first) {
        queue->end = &queue->first;
    }
    queue->tls_waiting -= queued->is_tls ? 1 : 0;
    queue->connecting++;
    queued->is_connecting = true;
    return queued;
}

bool http_queue_connected(struct http_queue *queue, struct http_queued *queued)
{
    bool was_connecting = queued->is_connecting;
    queue->connecting -= was_connecting ? 1 : 0;
    queued->is_connecting = false;
    return was_connecting && queue->first;
}
