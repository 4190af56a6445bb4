// The memory of all bodies that are being received, and who gives up first if it is used up: the
// oldest body of a sender who has never sent anything genuine. An honest body is whole within
// milliseconds, so that is hardly ever one of them.
#ifndef DIALIN_HTTP_BODIES_H
#define DIALIN_HTTP_BODIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// One body; part of its request.
struct http_body_link {
    struct http_body_link *next, *previous;
    size_t bytes;  // 0: not in the list
    bool is_known; // the sender has been genuine
};

struct http_bodies {
    uint64_t bytes, bytes_max;
    struct http_body_link *oldest, *newest;
};

void http_bodies_init(struct http_bodies *bodies, uint64_t bytes_max);

// Says how much memory a body takes by now; 0 takes it off the list.
void http_bodies_set(struct http_bodies *bodies, struct http_body_link *body, size_t bytes);

// Whose body has to go, or NULL while there is room. If all senders are known, it is the newest.
struct http_body_link *http_bodies_victim(const struct http_bodies *bodies);

#endif
