// Who sent a request, when proxies stand in front: TRUSTED_PROXIES says whose X-Forwarded-For
// counts. Pure.
#ifndef DIALIN_PEER_H
#define DIALIN_PEER_H

#include "bytes.h"

#include <stdbool.h>

#define PEER_PROXIES_MAX 64
#define PEER_BYTES 64

struct peer_proxies;

// Parses a list of addresses and networks (10.0.0.0/8, ::1), separated by commas; NULL or "" gives
// an empty one. Returns NULL, with a sentence in `problem`, if an element is neither.
struct peer_proxies *peer_proxies_parse(const char *list, struct bytes *problem);
void peer_proxies_free(struct peer_proxies *proxies);

bool peer_is_proxy(const struct peer_proxies *proxies, const char *address);

// Writes the address of the nearest sender that is not a trusted proxy. `connected` is the address
// of the connection, `forwarded_for` the header or NULL. A part of the header that is not an
// address ends the search: anybody could have written the elements before it.
void peer_of(const struct peer_proxies *proxies, const char *connected, const char *forwarded_for,
             char out[PEER_BYTES]);

#endif
