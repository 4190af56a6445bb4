#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "http_authorities.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WHOLE "tests/data/self_signed.pem" // a key and a certificate
#define CHUNK_BYTES 65536

static char folder[] = "/tmp/dialin-authorities-XXXXXX";
static char path[128];

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder)) {
        return -1;
    }
    snprintf(path, sizeof path, "%s/bundle.pem", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static void put(const char *text, size_t len)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static char *whole(void)
{
    static char text[CHUNK_BYTES];
    FILE *file = fopen(WHOLE, "r");
    assert_non_null(file);
    size_t len = fread(text, 1, sizeof text - 1, file);
    assert_int_equal(fclose(file), 0);
    text[len] = '\0';
    return text;
}

static void assert_refused(const char *file, const char *sentence)
{
    struct bytes problem;
    bytes_init(&problem, 1024);
    assert_null(http_authorities_load(file, &problem));
    assert_memory_equal(bytes_text(&problem), file, strlen(file));
    assert_non_null(strstr(bytes_text(&problem), sentence));
    bytes_release(&problem);
}

static struct http_authorities *load(void)
{
    struct bytes problem;
    bytes_init(&problem, 1024);
    struct http_authorities *authorities = http_authorities_load(path, &problem);
    assert_string_equal(bytes_text(&problem), "");
    assert_non_null(authorities);
    return authorities;
}

static void the_same_bytes_are_the_same_authorities(void **state)
{
    (void)state;
    const char *text = whole();
    put(text, strlen(text));
    struct http_authorities *first = load(), *second = load();
    assert_ptr_equal(first, second);
    http_authorities_release(first);
    struct http_authorities *third = load(); // one owner was left
    assert_ptr_equal(third, second);

    char twice[2 * CHUNK_BYTES];
    snprintf(twice, sizeof twice, "# other bytes\n%s%s", text, text);
    put(twice, strlen(twice));
    struct http_authorities *other = load();
    assert_ptr_not_equal(other, second);
    put(text, strlen(text));
    struct http_authorities *fourth = load(); // though another file was loaded since
    assert_ptr_equal(fourth, second);
    http_authorities_release(fourth);
    http_authorities_release(http_authorities_keep(other));
    http_authorities_release(other);
    http_authorities_release(second);
    http_authorities_release(third);
    http_authorities_release(NULL);
    assert_null(http_authorities_keep(NULL));
}

static void a_context_gets_them(void **state)
{
    (void)state;
    const char *text = whole();
    put(text, strlen(text));
    struct http_authorities *authorities = load();
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    http_authorities_use(authorities, context);
    http_authorities_release(authorities); // the context keeps what it needs
    X509_STORE *store = SSL_CTX_get_cert_store(context);
    assert_int_equal(sk_X509_OBJECT_num(X509_STORE_get0_objects(store)), 1);
    unsigned long flags = X509_VERIFY_PARAM_get_flags(X509_STORE_get0_param(store));
    assert_true(flags & X509_V_FLAG_PARTIAL_CHAIN && flags & X509_V_FLAG_TRUSTED_FIRST);
    SSL_CTX_free(context);
}

static void what_cannot_serve(void **state)
{
    (void)state;
    static char long_text[HTTP_AUTHORITIES_FILE_BYTES_MAX + 1];
    const char *text = whole();
    const char *const BAD[] = {"", "\n", "no PEM", "-----BEGIN CERTIFICATE-----\nMIIB\n"};
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        put(BAD[i], strlen(BAD[i]));
        assert_refused(path, ": is not a PEM file of certificates");
    }
    put(text, strlen(text) - 40); // without its last line
    assert_refused(path, ": is not a PEM file of certificates");
    memset(long_text, '\n', sizeof long_text);
    put(long_text, sizeof long_text);
    assert_refused(path, ": is not a regular file of at most ");
    assert_refused(folder, ": is not a regular file of at most ");
    unlink(path);
    assert_refused(path, ": cannot be read: No such file");
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_refused(path, ": is not a regular file of at most ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_bytes_are_the_same_authorities),
        cmocka_unit_test(a_context_gets_them),
        cmocka_unit_test(what_cannot_serve),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
