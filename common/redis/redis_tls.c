// See redis_tls.h. OpenSSL reads and writes the non-blocking socket itself. hiredis' own TLS is not
// used: Debian 12's hiredis has none, and OpenSSL under our own socket is the same code everywhere.
//
// Surprising: with TLS 1.3 a server refuses a client's certificate only after the handshake, so the
// first read may fail with an alert about certificates.
#include "redis_tls.h"

#include "memory.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct redis_tls {
    SSL_CTX *context;
};

struct redis_tls_connection {
    SSL *ssl;
    char name[256];
    char problem[REDIS_TLS_PROBLEM_BYTES + 256];
};

static const char *reason(void)
{
    const char *text = ERR_reason_error_string(ERR_peek_error());
    return text ? text : "unknown";
}

// --- the files ----------------------------------------------------------------------------------

static bool use_ca(SSL_CTX *context, const char *ca_file, char problem[REDIS_TLS_PROBLEM_BYTES])
{
    bool is_good = ca_file ? SSL_CTX_load_verify_locations(context, ca_file, NULL) == 1
                           : SSL_CTX_set_default_verify_paths(context) == 1;
    if (!is_good) {
        snprintf(problem, REDIS_TLS_PROBLEM_BYTES,
                 "REDIS_CA_FILE: no certificates can be read from it: %s", reason());
    }
    return is_good;
}

static bool use_certificate(SSL_CTX *context, const struct redis_tls_files *files,
                            char problem[REDIS_TLS_PROBLEM_BYTES])
{
    const char *name = NULL;
    if (!files->cert && !files->key) {
        return true;
    }
    if (!files->cert || !files->key) {
        snprintf(problem, REDIS_TLS_PROBLEM_BYTES,
                 "%s: is missing: REDIS_CERT and REDIS_KEY are "
                 "needed together",
                 files->cert ? "REDIS_KEY" : "REDIS_CERT");
        return false;
    }
    if (SSL_CTX_use_certificate_chain_file(context, files->cert) != 1) {
        name = "REDIS_CERT: no certificate can be read from it";
    } else if (SSL_CTX_use_PrivateKey_file(context, files->key, SSL_FILETYPE_PEM) != 1) {
        name = "REDIS_KEY: no key can be read from it that fits REDIS_CERT";
    } else if (SSL_CTX_check_private_key(context) != 1) {
        name = "REDIS_KEY: is not the key of REDIS_CERT";
    }
    if (name) {
        snprintf(problem, REDIS_TLS_PROBLEM_BYTES, "%s: %s", name, reason());
    }
    return !name;
}

struct redis_tls *redis_tls_open(const struct redis_tls_files *files,
                                 char problem[REDIS_TLS_PROBLEM_BYTES])
{
    ERR_clear_error();
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if (!context) {
        snprintf(problem, REDIS_TLS_PROBLEM_BYTES, "TLS cannot be used: %s", reason());
        return NULL;
    }
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF); // RESP marks the end of a reply
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    if (!use_ca(context, files->ca_file, problem) || !use_certificate(context, files, problem)) {
        SSL_CTX_free(context);
        ERR_clear_error();
        return NULL;
    }
    struct redis_tls *tls = memory_zeroed(sizeof *tls);
    tls->context = context;
    return tls;
}

void redis_tls_close(struct redis_tls *tls)
{
    if (tls) {
        SSL_CTX_free(tls->context);
        free(tls);
    }
}

// --- one connection -----------------------------------------------------------------------------

static bool is_numeric(const char *name)
{
    unsigned char number[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, name, number) == 1 || inet_pton(AF_INET6, name, number) == 1;
}

struct redis_tls_connection *redis_tls_connect(struct redis_tls *tls, int fd, const char *name)
{
    struct redis_tls_connection *connection = memory_zeroed(sizeof *connection);
    snprintf(connection->name, sizeof connection->name, "%s", name);
    connection->ssl = SSL_new(tls->context);
    if (!connection->ssl || SSL_set_fd(connection->ssl, fd) != 1) {
        abort(); // out of memory
    }
    if (is_numeric(name)) {
        X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(connection->ssl), name);
    } else {
        SSL_set1_host(connection->ssl, name);
        SSL_set_tlsext_host_name(connection->ssl, connection->name);
    }
    SSL_set_connect_state(connection->ssl);
    return connection;
}

void redis_tls_disconnect(struct redis_tls_connection *connection)
{
    if (connection) {
        SSL_free(connection->ssl);
        free(connection);
    }
}

// The sentence on the server's certificate; NULL: nothing is wrong with it.
static const char *certificate_problem(long result)
{
    switch (result) {
    case X509_V_OK:
        return NULL;
    case X509_V_ERR_CERT_HAS_EXPIRED:
        return "its certificate has expired";
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return "its certificate is not valid yet (or this host's clock is wrong)";
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        return "its certificate is for another name than the host of REDIS_URL";
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        return "its certificate is signed by a CA that is not trusted here: name the CA's file in "
               "REDIS_CA_FILE";
    default:
        return X509_verify_cert_error_string(result);
    }
}

static const char *alert_problem(int reason_code)
{
    switch (reason_code) {
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
        return "it demands a client certificate: set REDIS_CERT and REDIS_KEY";
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
        return "it refuses our certificate (REDIS_CERT)";
    case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE:
        return "it refuses the TLS handshake (it may demand a client certificate: REDIS_CERT and "
               "REDIS_KEY)";
    case SSL_R_WRONG_VERSION_NUMBER:
        return "it does not speak TLS: use redis:// if that is right";
    default:
        return NULL;
    }
}

static void note_failure(struct redis_tls_connection *connection, int error)
{
    long verified = SSL_get_verify_result(connection->ssl);
    const char *problem = certificate_problem(verified);
    problem = problem ? problem : alert_problem(ERR_GET_REASON(ERR_peek_error()));
    if (!problem && error == SSL_ERROR_SYSCALL) {
        problem = errno ? strerror(errno) : "it closed the connection in the TLS handshake";
    }
    snprintf(connection->problem, sizeof connection->problem, "TLS: %s",
             problem ? problem : reason());
}

// The error of an operation that failed with `result`: EAGAIN, EPROTO, or 0 for the end.
static int error_of(struct redis_tls_connection *connection, int result)
{
    int error = SSL_get_error(connection->ssl, result);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
        return EAGAIN;
    }
    if (error == SSL_ERROR_ZERO_RETURN) {
        return 0;
    }
    note_failure(connection, error);
    return EPROTO;
}

enum redis_tls_state redis_tls_handshake(struct redis_tls_connection *connection)
{
    ERR_clear_error();
    errno = 0;
    int result = SSL_do_handshake(connection->ssl);
    if (result == 1) {
        return REDIS_TLS_DONE;
    }
    int error = SSL_get_error(connection->ssl, result);
    if (error == SSL_ERROR_WANT_READ) {
        return REDIS_TLS_WANTS_READ;
    }
    if (error == SSL_ERROR_WANT_WRITE) {
        return REDIS_TLS_WANTS_WRITE;
    }
    note_failure(connection, error);
    return REDIS_TLS_FAILED;
}

ssize_t redis_tls_read(struct redis_tls_connection *connection, char *out, size_t size)
{
    size_t len = 0;
    ERR_clear_error();
    errno = 0;
    int result = SSL_read_ex(connection->ssl, out, size, &len);
    if (result == 1) {
        return (ssize_t)len;
    }
    errno = error_of(connection, result);
    return errno ? -1 : 0;
}

ssize_t redis_tls_write(struct redis_tls_connection *connection, const char *data, size_t len)
{
    size_t written = 0;
    ERR_clear_error();
    errno = 0;
    int result = SSL_write_ex(connection->ssl, data, len, &written);
    if (result == 1) {
        return (ssize_t)written;
    }
    errno = error_of(connection, result);
    if (errno == 0) {
        errno = EPIPE;
    }
    return -1;
}

const char *redis_tls_problem(const struct redis_tls_connection *connection)
{
    return connection->problem;
}
