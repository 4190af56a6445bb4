// See http_authorities.h. The store has the two flags that libcurl sets on its own store:
// OpenSSL tries these authorities before the certificates that the server sends, and it trusts an
// intermediate certificate of the file like a root. libcurl itself checks the server's name.
#include "http_authorities.h"

#include "memory.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIGEST_BYTES 32

struct http_authorities {
    X509_STORE *store;
    size_t owners;
    unsigned char digest[DIGEST_BYTES]; // of the file
    struct http_authorities *next;
};

static struct http_authorities *in_use; // all of them; not an owner

static struct http_authorities *find(const unsigned char digest[DIGEST_BYTES])
{
    struct http_authorities *found = in_use;
    while (found && memcmp(found->digest, digest, DIGEST_BYTES) != 0) {
        found = found->next;
    }
    return found;
}

static bool append_file(int fd, const char *path, struct bytes *text, struct bytes *problem)
{
    char chunk[16384];
    struct stat status;
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) ||
        status.st_size > HTTP_AUTHORITIES_FILE_BYTES_MAX) {
        bytes_printf(problem, "%s: is not a regular file of at most %d bytes", path,
                     HTTP_AUTHORITIES_FILE_BYTES_MAX);
        return false;
    }
    ssize_t count = 0;
    while ((count = read(fd, chunk, sizeof chunk)) > 0 &&
           text->len + (size_t)count <= HTTP_AUTHORITIES_FILE_BYTES_MAX) {
        bytes_append(text, chunk, (size_t)count);
    }
    if (count != 0) {
        bytes_printf(problem, "%s: cannot be read: %s", path,
                     count < 0 ? strerror(errno) : "it grows meanwhile");
    }
    return count == 0;
}

static bool read_file(const char *path, struct bytes *text, struct bytes *problem)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); // a pipe must not make it wait
    if (fd < 0) {
        bytes_printf(problem, "%s: cannot be read: %s", path, strerror(errno));
        return false;
    }
    bool is_read = append_file(fd, path, text, problem);
    close(fd);
    return is_read;
}

// OpenSSL would ask at the terminal.
static int no_password(char *buffer, int size, int is_writing, void *arg)
{
    (void)buffer, (void)size, (void)is_writing, (void)arg;
    return 0;
}

// How many certificates there are; 0 if the text is not PEM to its end.
static int add_certificates(X509_STORE *store, const struct bytes *text)
{
    BIO *bio = BIO_new_mem_buf(text->data, (int)text->len);
    STACK_OF(X509_INFO) *list = PEM_X509_INFO_read_bio(bio, NULL, no_password, NULL);
    int count = 0;
    for (int i = 0; i < sk_X509_INFO_num(list); i++) { // -1 if there is no list
        X509 *certificate = sk_X509_INFO_value(list, i)->x509;
        count += certificate && X509_STORE_add_cert(store, certificate) == 1 ? 1 : 0;
    }
    sk_X509_INFO_pop_free(list, X509_INFO_free);
    BIO_free(bio);
    return count;
}

static X509_STORE *make_store(const struct bytes *text)
{
    X509_STORE *store = X509_STORE_new();
    if (store && add_certificates(store, text) == 0) {
        X509_STORE_free(store);
        store = NULL;
    }
    if (store) {
        X509_STORE_set_flags(store, X509_V_FLAG_TRUSTED_FIRST | X509_V_FLAG_PARTIAL_CHAIN);
    }
    ERR_clear_error();
    return store;
}

static struct http_authorities *parse(const char *path, const struct bytes *text,
                                      struct bytes *problem)
{
    unsigned char digest[DIGEST_BYTES] = {0};
    EVP_Digest(text->data, text->len, digest, NULL, EVP_sha256(), NULL);
    struct http_authorities *authorities = find(digest);
    if (authorities) {
        return http_authorities_keep(authorities);
    }
    X509_STORE *store = make_store(text);
    if (!store) {
        bytes_printf(problem, "%s: is not a PEM file of certificates, whole to its end", path);
        return NULL;
    }
    authorities = memory_zeroed(sizeof *authorities);
    authorities->store = store;
    authorities->owners = 1;
    memcpy(authorities->digest, digest, sizeof digest);
    authorities->next = in_use;
    in_use = authorities;
    return authorities;
}

struct http_authorities *http_authorities_load(const char *path, struct bytes *problem)
{
    struct http_authorities *authorities = NULL;
    struct bytes text;
    bytes_init(&text, HTTP_AUTHORITIES_FILE_BYTES_MAX);
    if (read_file(path, &text, problem)) {
        authorities = parse(path, &text, problem);
    }
    bytes_release(&text);
    return authorities;
}

struct http_authorities *http_authorities_keep(struct http_authorities *authorities)
{
    if (authorities) {
        authorities->owners++;
    }
    return authorities;
}

void http_authorities_release(struct http_authorities *authorities)
{
    if (authorities && --authorities->owners == 0) {
        struct http_authorities **link = &in_use;
        while (*link != authorities) {
            link = &(*link)->next;
        }
        *link = authorities->next;
        X509_STORE_free(authorities->store);
        free(authorities);
    }
}

void http_authorities_use(const struct http_authorities *authorities, SSL_CTX *context)
{
    SSL_CTX_set1_cert_store(context, authorities->store);
}
