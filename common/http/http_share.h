// How many connections each address has, and which addresses have sent something genuine of late.
// An IPv6 sender owns a network of 64 bits, so that network counts as one address.
#ifndef DIALIN_HTTP_SHARE_H
#define DIALIN_HTTP_SHARE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define HTTP_GENUINE_MS (3600 * UINT64_C(1000))
#define HTTP_GENUINE_MAX 1024 // addresses that are remembered without a connection

struct http_shares;
struct http_share; // one address

struct http_shares *http_shares_open(void);
void http_shares_close(struct http_shares *shares);

// The address of a new connection, which it holds until it leaves.
struct http_share *http_shares_join(struct http_shares *shares, const struct sockaddr *address);
void http_shares_leave(struct http_shares *shares, struct http_share *share, uint64_t now_ms);

// The address's entry, or NULL if there is none.
const struct http_share *http_shares_find(const struct http_shares *shares,
                                          const struct sockaddr *address);
unsigned http_share_connections(const struct http_share *share);

void http_share_note_genuine(struct http_share *share, uint64_t now_ms); // sent something genuine
bool http_share_is_genuine(const struct http_share *share, uint64_t now_ms);

// Loopback; and loopback or a private network (RFC 1918, RFC 6598, fc00::/7, link-local).
bool http_address_is_loopback(const struct sockaddr *address);
bool http_address_is_private(const struct sockaddr *address);

#endif
