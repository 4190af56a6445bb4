// The memory of all bodies that are being received, and which body is given up if it is used up:
// the oldest one of a sender who has never sent anything genuine. An honest body is whole within
// milliseconds, so that is hardly ever one of them. Strangers may have half of the memory.
#ifndef DIALIN_HTTP_BODIES_H
#define DIALIN_HTTP_BODIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// One body; part of its request.
struct http_body_link {
    struct http_body_link *next, *previous;
    size_t bytes;  // 0: not in a list
    bool is_known; // the sender has been genuine; does not change while it is in a list
};

struct http_body_list {
    uint64_t bytes;
    struct http_body_link *oldest, *newest;
};

struct http_bodies {
    uint64_t bytes_max;
    struct http_body_list strangers, known;
};

void http_bodies_init(struct http_bodies *bodies, uint64_t bytes_max);

// Says how much memory a body takes by now; 0 takes it off the list.
void http_bodies_set(struct http_bodies *bodies, struct http_body_link *body, size_t bytes);

// The body that has to go, or NULL while there is room. If all senders are known, it is the newest.
struct http_body_link *http_bodies_victim(const struct http_bodies *bodies);

#endif
