// With redis_tls.c the only file that knows OpenSSL. A key keeps two SHA-256 states, with the inner
// and the outer pad hashed already: a message then costs itself and one more block, and no key
// setup.
#include "hmac.h"

#include "memory.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES 64

struct hmac {
    EVP_MD_CTX *inner, *outer;
    EVP_MD_CTX *work; // for the message at hand
};

static void must(int ok)
{
    assert(ok == 1); // OpenSSL fails here only without memory
    (void)ok;
}

// Fetched once: EVP_sha256() makes OpenSSL look for it at each use.
static const EVP_MD *sha256(void)
{
    static EVP_MD *fetched;
    if (!fetched) {
        fetched = EVP_MD_fetch(NULL, "SHA256", NULL);
        must(fetched != NULL);
    }
    return fetched;
}

static EVP_MD_CTX *new_padded(const unsigned char block[BLOCK_BYTES], unsigned char pad)
{
    unsigned char padded[BLOCK_BYTES];
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    for (size_t i = 0; i < BLOCK_BYTES; i++) {
        padded[i] = block[i] ^ pad;
    }
    must(context != NULL);
    must(EVP_DigestInit_ex(context, sha256(), NULL));
    must(EVP_DigestUpdate(context, padded, BLOCK_BYTES));
    OPENSSL_cleanse(padded, sizeof padded);
    return context;
}

struct hmac *hmac_open(const unsigned char *key, size_t len)
{
    struct hmac *hmac = memory_zeroed(sizeof *hmac);
    unsigned char block[BLOCK_BYTES] = {0};
    if (len > BLOCK_BYTES) {
        must(EVP_Digest(key, len, block, NULL, sha256(), NULL));
    } else {
        memcpy(block, key, len);
    }
    hmac->inner = new_padded(block, 0x36);
    hmac->outer = new_padded(block, 0x5c);
    hmac->work = EVP_MD_CTX_new();
    must(hmac->work != NULL);
    OPENSSL_cleanse(block, sizeof block);
    return hmac;
}

void hmac_close(struct hmac *hmac)
{
    if (hmac) {
        EVP_MD_CTX_free(hmac->inner);
        EVP_MD_CTX_free(hmac->outer);
        EVP_MD_CTX_free(hmac->work);
        free(hmac);
    }
}

void hmac(struct hmac *hmac, size_t count, const struct bytes_view *parts,
          unsigned char out[HMAC_BYTES])
{
    must(EVP_MD_CTX_copy_ex(hmac->work, hmac->inner));
    for (size_t i = 0; i < count; i++) {
        must(EVP_DigestUpdate(hmac->work, parts[i].data, parts[i].len));
    }
    must(EVP_DigestFinal_ex(hmac->work, out, NULL));
    must(EVP_MD_CTX_copy_ex(hmac->work, hmac->outer));
    must(EVP_DigestUpdate(hmac->work, out, HMAC_BYTES));
    must(EVP_DigestFinal_ex(hmac->work, out, NULL));
}

bool hmac_same(const void *a, const void *b, size_t len)
{
    return CRYPTO_memcmp(a, b, len) == 0;
}

void hmac_sha256(struct bytes_view data, unsigned char out[HMAC_BYTES])
{
    must(EVP_Digest(data.data, data.len, out, NULL, sha256(), NULL));
}
