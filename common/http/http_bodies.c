// See http_bodies.h. Known senders are skipped by walking; the walk is bounded.
#include "http_bodies.h"

#include <string.h>

#define WALK_MAX 1024

void http_bodies_init(struct http_bodies *bodies, uint64_t bytes_max)
{
    memset(bodies, 0, sizeof *bodies);
    bodies->bytes_max = bytes_max;
}

static void append(struct http_bodies *bodies, struct http_body_link *body)
{
    body->next = NULL;
    body->previous = bodies->newest;
    *(bodies->newest ? &bodies->newest->next : &bodies->oldest) = body;
    bodies->newest = body;
}

static void take_out(struct http_bodies *bodies, struct http_body_link *body)
{
    *(body->previous ? &body->previous->next : &bodies->oldest) = body->next;
    *(body->next ? &body->next->previous : &bodies->newest) = body->previous;
}

void http_bodies_set(struct http_bodies *bodies, struct http_body_link *body, size_t bytes)
{
    if (body->bytes == 0 && bytes > 0) {
        append(bodies, body);
    } else if (body->bytes > 0 && bytes == 0) {
        take_out(bodies, body);
    }
    bodies->bytes += bytes;
    bodies->bytes -= body->bytes;
    body->bytes = bytes;
}

struct http_body_link *http_bodies_victim(const struct http_bodies *bodies)
{
    if (bodies->bytes <= bodies->bytes_max) {
        return NULL;
    }
    struct http_body_link *body = bodies->oldest;
    for (unsigned steps = 0; body && body->is_known && steps < WALK_MAX; steps++) {
        body = body->next;
    }
    return body && !body->is_known ? body : bodies->newest;
}
