// The authorities that may certify a server: a PEM bundle, parsed once for every connection.
// The system's bundle costs 15 ms and more to parse.
#ifndef DIALIN_HTTP_AUTHORITIES_H
#define DIALIN_HTTP_AUTHORITIES_H

#include "bytes.h"

#include <openssl/ssl.h>

#define HTTP_AUTHORITIES_FILE_BYTES_MAX (4 * 1024 * 1024) // the system's bundle has 0.2

struct http_authorities;

// Reads a PEM bundle. Returns NULL, with one sentence in `problem` that begins with the path, if it
// cannot serve: unreadable, not a regular file, too long, cut in the middle of a certificate, or
// without any. The bytes of authorities that are still in use are not parsed again: the same ones
// are returned, with one owner more.
struct http_authorities *http_authorities_load(const char *path, struct bytes *problem);

// The same, with one owner more; NULL is allowed.
struct http_authorities *http_authorities_keep(struct http_authorities *authorities);
void http_authorities_release(struct http_authorities *authorities); // one less; NULL is allowed

// Connections of this context trust these authorities and no others.
void http_authorities_use(const struct http_authorities *authorities, SSL_CTX *context);

#endif
