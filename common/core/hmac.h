// HMAC-SHA256 (RFC 2104) and SHA-256.
#ifndef DIALIN_HMAC_H
#define DIALIN_HMAC_H

#include "bytes.h"

#define HMAC_BYTES 32

// A key, made ready for many messages. The key itself is not kept.
struct hmac;
struct hmac *hmac_open(const unsigned char *key, size_t len);
void hmac_close(struct hmac *hmac); // NULL is allowed

// Of a message that is given in parts.
void hmac(struct hmac *hmac, size_t count, const struct bytes_view *parts,
          unsigned char out[HMAC_BYTES]);

// Compares in a time that does not depend on the bytes.
bool hmac_same(const void *a, const void *b, size_t len);

void hmac_sha256(struct bytes_view data, unsigned char out[HMAC_BYTES]);

#endif
