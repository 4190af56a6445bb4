// See http_tls.h.
#include "http_tls.h"

#include "log.h"
#include "memory.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define CIPHERS_OF_TLS_1_2 "ECDHE+AESGCM:ECDHE+CHACHA20"
#define DAY_BYTES 32

struct http_tls {
    SSL_CTX *context;
};

static const char *reason(void)
{
    const char *text = ERR_reason_error_string(ERR_peek_error());
    return text ? text : "unknown";
}

// OpenSSL would ask at the terminal.
static int no_password(char *buffer, int size, int is_writing, void *arg)
{
    (void)buffer, (void)size, (void)is_writing, (void)arg;
    return 0;
}

static bool check_file(const char *path, bool is_key, struct bytes *problem)
{
    struct stat status = {0};
    if (stat(path, &status) != 0 || access(path, R_OK) != 0) {
        return bytes_printf(problem, "%s: cannot be read: %s", path, strerror(errno)), false;
    }
    if (!S_ISREG(status.st_mode) || status.st_size > HTTP_TLS_FILE_BYTES_MAX) {
        bytes_printf(problem, "%s: is not a regular file of at most %d bytes", path,
                     HTTP_TLS_FILE_BYTES_MAX);
        return false;
    }
    if (is_key && (status.st_mode & S_IRWXO)) {
        bytes_printf(problem, "%s: every user may read this key: chmod o= it", path);
        return false;
    }
    return true;
}

static bool use_files(SSL_CTX *context, const char *cert_file, const char *key_file,
                      struct bytes *problem)
{
    if (!check_file(cert_file, false, problem) || !check_file(key_file, true, problem)) {
        return false;
    }
    SSL_CTX_set_default_passwd_cb(context, no_password);
    if (SSL_CTX_use_certificate_chain_file(context, cert_file) != 1) {
        bytes_printf(problem, "%s: is not a PEM certificate or chain that can serve: %s", cert_file,
                     reason());
    } else if (SSL_CTX_use_PrivateKey_file(context, key_file, SSL_FILETYPE_PEM) != 1) {
        bool is_other = ERR_GET_REASON(ERR_peek_error()) == X509_R_KEY_VALUES_MISMATCH ||
                        ERR_GET_REASON(ERR_peek_error()) == X509_R_KEY_TYPE_MISMATCH;
        if (is_other) {
            bytes_printf(problem, "%s: is not the key of the first certificate in %s", key_file,
                         cert_file);
        } else {
            bytes_printf(problem, "%s: is not a PEM key without a password: %s", key_file,
                         reason());
        }
    } else {
        return true;
    }
    return false;
}

static void configure(SSL_CTX *context)
{
    static const unsigned char NAME[] = "dialin";
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_cipher_list(context, CIPHERS_OF_TLS_1_2);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                     SSL_OP_NO_COMPRESSION);
    // Tickets resume sessions; nothing of them is kept here.
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_session_id_context(context, NAME, sizeof NAME - 1);
    SSL_CTX_set_num_tickets(context, 1);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
}

struct http_tls *http_tls_load(const char *cert_file, const char *key_file, struct bytes *problem)
{
    ERR_clear_error();
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    if (!context) {
        bytes_printf(problem, "%s: OpenSSL cannot begin: %s", cert_file, reason());
        return NULL;
    }
    configure(context);
    bool is_good = use_files(context, cert_file, key_file, problem);
    ERR_clear_error();
    if (!is_good) {
        SSL_CTX_free(context);
        return NULL;
    }
    struct http_tls *tls = memory_zeroed(sizeof *tls);
    tls->context = context;
    return tls;
}

void http_tls_free(struct http_tls *tls)
{
    if (tls) {
        SSL_CTX_free(tls->context);
        free(tls);
    }
}

void http_tls_report_expiry(const struct http_tls *tls)
{
    const ASN1_TIME *end = X509_get0_notAfter(SSL_CTX_get0_certificate(tls->context));
    int days = 0, seconds = 0;
    struct tm when;
    char day[DAY_BYTES] = "";
    if (!ASN1_TIME_diff(&days, &seconds, NULL, end) || !ASN1_TIME_to_tm(end, &when)) {
        return;
    }
    strftime(day, sizeof day, "%Y-%m-%d", &when);
    if (days < 0 || seconds < 0) {
        log_error(
            "the certificate has expired: clients refuse it, and every webhook is lost; renew "
            "TLS_CERT",
            log_text("expired", day));
    } else if (days * 86400 < HTTP_TLS_SOON_S) {
        log_warning("the certificate expires soon: renew TLS_CERT", log_text("expires", day));
    }
}

SSL *http_tls_accept(const struct http_tls *tls, int fd)
{
    SSL *ssl = SSL_new(tls->context);
    if (ssl && SSL_set_fd(ssl, fd) != 1) {
        SSL_free(ssl);
        ssl = NULL;
    }
    if (ssl) {
        SSL_set_accept_state(ssl);
    }
    return ssl;
}
