// The server's side of TLS for fast_agent: OpenSSL on a non-blocking socket.
#ifndef DIALIN_TLS_SERVER_H
#define DIALIN_TLS_SERVER_H

#include <stdbool.h>
#include <stddef.h>

struct tls_server;     // certificate, key and session tickets
struct tls_connection; // on a socket that the caller owns

// `file` holds certificate and key in PEM. Returns NULL, with the reason on stderr, if it does not.
struct tls_server *tls_server_open(const char *file);
void tls_server_close(struct tls_server *server); // NULL is allowed

struct tls_connection *tls_connection_open(const struct tls_server *server, int fd);
void tls_connection_close(struct tls_connection *connection); // NULL is allowed

// Returns the number of bytes read, 0 if there are none yet, -1 if the connection has ended. Makes
// the handshake.
int tls_connection_read(struct tls_connection *connection, char *data, size_t size);
bool tls_connection_write(struct tls_connection *connection, const char *data, size_t len);

// After the handshake: no certificate was needed.
bool tls_connection_is_resumed(const struct tls_connection *connection);

#endif
