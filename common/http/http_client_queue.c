// See http_client_queue.h.
#include "http_client_queue.h"

void http_queue_init(struct http_queue *queue)
{
    *queue =
        (struct http_queue){.end = &queue->first, .tls_connecting_max = HTTP_TLS_CONNECTING_FIRST};
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
    if (!queue->first) {
        return 0;
    }
    const bool is_tls = queue->first->is_tls;
    const unsigned connecting_max = is_tls ? queue->tls_connecting_max : HTTP_CONNECTING_MAX;
    if (queue->connecting >= connecting_max) {
        return 0;
    }
    unsigned room = connecting_max - queue->connecting;
    unsigned most = !is_tls             ? HTTP_BEGIN_PER_TURN
                    : are_sockets_ready ? HTTP_TLS_BEGIN_PER_BUSY_TURN
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
    if (!queued->is_connecting) {
        return false;
    }
    queued->is_connecting = false;
    queue->connecting--;
    if (queue->first) {
        queue->tls_connecting_max += queue->tls_connecting_max < HTTP_CONNECTING_MAX ? 1 : 0;
    } else if (queue->connecting == 0) {
        queue->tls_connecting_max = HTTP_TLS_CONNECTING_FIRST;
    }
    return queue->first != NULL;
}

void http_queue_used(struct http_queue *queue, uint64_t cpu_us)
{
    if (cpu_us > HTTP_CALL_CPU_US_MAX) {
        const unsigned half = queue->tls_connecting_max / 2;
        queue->tls_connecting_max = half > HTTP_TLS_CONNECTING_MIN ? half : HTTP_TLS_CONNECTING_MIN;
    }
}
