// A server's certificate and key: TLS 1.2 and 1.3, only ciphers with forward secrecy and
// authenticated encryption.
#ifndef DIALIN_HTTP_TLS_H
#define DIALIN_HTTP_TLS_H

#include "bytes.h"

#include <openssl/ssl.h>

#define HTTP_TLS_FILE_BYTES_MAX 65536
#define HTTP_TLS_SOON_S (14 * 86400) // before its end a certificate is warned of

struct http_tls;

// Reads a PEM chain (the server's own certificate first) and its PEM key. Returns NULL, with one
// sentence in `problem` that begins with the file's path, if they cannot serve: unreadable, not
// PEM, not a pair, or a key that every user may read.
struct http_tls *http_tls_load(const char *cert_file, const char *key_file, struct bytes *problem);
void http_tls_free(struct http_tls *tls); // NULL is allowed; connections keep what they need

// Logs an error if the certificate has expired, a warning if it will soon.
void http_tls_report_expiry(const struct http_tls *tls);

// A new connection on a non-blocking socket, which the caller owns. NULL: OpenSSL could not make
// one.
SSL *http_tls_accept(const struct http_tls *tls, int fd);

#endif
