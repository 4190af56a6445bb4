// TLS of a connection to Redis: TLS 1.2 or newer, with a certificate that is always checked, for
// the name that REDIS_URL gives. The one file that knows OpenSSL's connections.
#ifndef DIALIN_REDIS_TLS_H
#define DIALIN_REDIS_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define REDIS_TLS_PROBLEM_BYTES 256

// The files: a CA of one's own, a certificate and its key. Paths; NULL: not given, and then
// the system's CAs are trusted.
struct redis_tls_files {
    const char *ca_file, *cert, *key;
};

struct redis_tls;
// NULL, with a sentence in `problem` that names the variable, if a file cannot be used.
struct redis_tls *redis_tls_open(const struct redis_tls_files *files,
                                 char problem[REDIS_TLS_PROBLEM_BYTES]);
void redis_tls_close(struct redis_tls *tls); // NULL is allowed; connections outlive it

struct redis_tls_connection;
enum redis_tls_state {
    REDIS_TLS_DONE,
    REDIS_TLS_WANTS_READ,  // call again when the socket is readable
    REDIS_TLS_WANTS_WRITE, // or writable
    REDIS_TLS_FAILED,      // redis_tls_problem says why
};

// `name` is the host that the certificate must be for. The socket is borrowed.
struct redis_tls_connection *redis_tls_connect(struct redis_tls *tls, int fd, const char *name);
void redis_tls_disconnect(struct redis_tls_connection *connection); // NULL is allowed
enum redis_tls_state redis_tls_handshake(struct redis_tls_connection *connection);

// As read() and write(): -1 with EAGAIN if the socket must become ready first, -1 with EPROTO if
// the connection failed, 0 at its end.
ssize_t redis_tls_read(struct redis_tls_connection *connection, char *out, size_t size);
ssize_t redis_tls_write(struct redis_tls_connection *connection, const char *data, size_t len);

// Of the last failure, in a sentence.
const char *redis_tls_problem(const struct redis_tls_connection *connection);

#endif
