// See tls_server.h. What is written here is short: a socket that takes no more of it is an error.
#include "tls_server.h"

#include "memory.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>

struct tls_server {
    SSL_CTX *context;
};

struct tls_connection {
    SSL *ssl;
};

struct tls_server *tls_server_open(const char *file)
{
    struct tls_server *server = memory_zeroed(sizeof *server);
    server->context = SSL_CTX_new(TLS_server_method());
    if (!server->context || SSL_CTX_use_certificate_chain_file(server->context, file) != 1 ||
        SSL_CTX_use_PrivateKey_file(server->context, file, SSL_FILETYPE_PEM) != 1) {
        fprintf(stderr, "fast-agent: %s: ", file);
        ERR_print_errors_fp(stderr);
        tls_server_close(server);
        return NULL;
    }
    SSL_CTX_set_mode(server->context, SSL_MODE_RELEASE_BUFFERS);
    return server;
}

void tls_server_close(struct tls_server *server)
{
    if (server) {
        SSL_CTX_free(server->context);
        free(server);
    }
}

struct tls_connection *tls_connection_open(const struct tls_server *server, int fd)
{
    struct tls_connection *connection = memory_zeroed(sizeof *connection);
    connection->ssl = SSL_new(server->context);
    SSL_set_fd(connection->ssl, fd);
    SSL_set_accept_state(connection->ssl);
    return connection;
}

void tls_connection_close(struct tls_connection *connection)
{
    if (connection) {
        SSL_free(connection->ssl);
        free(connection);
    }
}

int tls_connection_read(struct tls_connection *connection, char *data, size_t size)
{
    ERR_clear_error();
    int got = SSL_read(connection->ssl, data, size < INT_MAX ? (int)size : INT_MAX);
    if (got > 0) {
        return got;
    }
    return SSL_get_error(connection->ssl, got) == SSL_ERROR_WANT_READ ? 0 : -1;
}

bool tls_connection_write(struct tls_connection *connection, const char *data, size_t len)
{
    ERR_clear_error();
    return SSL_write(connection->ssl, data, (int)len) == (int)len;
}

bool tls_connection_is_resumed(const struct tls_connection *connection)
{
    return SSL_session_reused(connection->ssl);
}
