// See http_bodies.h.
#include "http_bodies.h"

#include <string.h>

void http_bodies_init(struct http_bodies *bodies, uint64_t bytes_max)
{
    memset(bodies, 0, sizeof *bodies);
    bodies->bytes_max = bytes_max;
}

static void append(struct http_body_list *list, struct http_body_link *body)
{
    body->next = NULL;
    body->previous = list->newest;
    *(list->newest ? &list->newest->next : &list->oldest) = body;
    list->newest = body;
}

static void take_out(struct http_body_list *list, struct http_body_link *body)
{
    *(body->previous ? &body->previous->next : &list->oldest) = body->next;
    *(body->next ? &body->next->previous : &list->newest) = body->previous;
}

void http_bodies_set(struct http_bodies *bodies, struct http_body_link *body, size_t bytes)
{
    struct http_body_list *list = body->is_known ? &bodies->known : &bodies->strangers;
    if (body->bytes == 0 && bytes > 0) {
        append(list, body);
    } else if (body->bytes > 0 && bytes == 0) {
        take_out(list, body);
    }
    list->bytes += bytes;
    list->bytes -= body->bytes;
    body->bytes = bytes;
}

struct http_body_link *http_bodies_victim(const struct http_bodies *bodies)
{
    const struct http_body_list *strangers = &bodies->strangers;
    bool is_used_up = strangers->bytes + bodies->known.bytes > bodies->bytes_max;
    if (is_used_up || strangers->bytes > bodies->bytes_max / 2) {
        return strangers->oldest ? strangers->oldest : bodies->known.newest;
    }
    return NULL;
}
