// The one file that knows OpenSSL. Each secret keeps two SHA-256 states, with the inner and the
// outer pad of its HMAC (RFC 2104) hashed already: a check then costs the message and one more
// block, and no key setup. Every secret is tried for every webhook, whether or not an earlier one
// has matched, and 32 decoded bytes are compared in constant time.
#include "signature.h"

#include "base64.h"
#include "memory.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIGEST_BYTES 32
#define BLOCK_BYTES 64
#define SECRET_BYTES_MAX 1024
#define NUMBER_DIGITS_MAX 20
#define TIMESTAMP_DIGITS_MAX 16
#define MILLISECONDS_FROM 100000000000U

struct secret {
    char *text;   // in base64, as configured
    char *number; // NULL: any
    EVP_MD_CTX *inner, *outer;
};

struct signature_secrets {
    size_t count;
    EVP_MD_CTX *work; // for the check at hand
    struct secret secrets[SIGNATURE_SECRETS_MAX];
};

// --- HMAC -------------------------------------------------------------------------------------

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

static void secret_prepare(struct secret *secret, const unsigned char *key, size_t len)
{
    unsigned char block[BLOCK_BYTES] = {0};
    if (len > BLOCK_BYTES) {
        must(EVP_Digest(key, len, block, NULL, sha256(), NULL));
    } else {
        memcpy(block, key, len);
    }
    secret->inner = new_padded(block, 0x36);
    secret->outer = new_padded(block, 0x5c);
    OPENSSL_cleanse(block, sizeof block);
}

static void secret_release(struct secret *secret)
{
    EVP_MD_CTX_free(secret->inner);
    EVP_MD_CTX_free(secret->outer);
    if (secret->text) {
        memory_wipe(secret->text, strlen(secret->text));
    }
    free(secret->text);
    free(secret->number);
}

static void hmac(const struct secret *secret, EVP_MD_CTX *work, struct bytes_view timestamp,
                 struct bytes_view body, unsigned char out[DIGEST_BYTES])
{
    must(EVP_MD_CTX_copy_ex(work, secret->inner));
    must(EVP_DigestUpdate(work, timestamp.data, timestamp.len));
    must(EVP_DigestUpdate(work, ".", 1));
    must(EVP_DigestUpdate(work, body.data, body.len));
    must(EVP_DigestFinal_ex(work, out, NULL));
    must(EVP_MD_CTX_copy_ex(work, secret->outer));
    must(EVP_DigestUpdate(work, out, DIGEST_BYTES));
    must(EVP_DigestFinal_ex(work, out, NULL));
}

// --- secrets ----------------------------------------------------------------------------------

// The length of the number in front of `number=secret`; 0: it is a secret alone. A base64 secret of
// digits only ends in its padding: nothing but a further "=" follows the first.
static size_t number_len(struct bytes_view item)
{
    size_t plus = item.len > 0 && item.data[0] == '+';
    size_t len = plus;
    while (len < item.len && item.data[len] >= '0' && item.data[len] <= '9') {
        len++;
    }
    bool has_digits = len > plus && len - plus <= NUMBER_DIGITS_MAX;
    bool has_secret = len + 1 < item.len && item.data[len] == '=' && item.data[len + 1] != '=';
    return has_digits && has_secret ? len : 0;
}

static bool add_secret(struct signature_secrets *secrets, struct bytes_view item,
                       struct bytes *problem)
{
    unsigned char key[SECRET_BYTES_MAX];
    size_t index = secrets->count + 1; // as people count
    if (item.len == 0) {
        bytes_printf(problem, "element %zu of the list is empty", index);
        return false;
    }
    if (secrets->count == SIGNATURE_SECRETS_MAX) {
        bytes_printf(problem, "has more than %d secrets", SIGNATURE_SECRETS_MAX);
        return false;
    }
    struct secret *secret = &secrets->secrets[secrets->count++];
    size_t number = number_len(item);
    if (number > 0) {
        secret->number = memory_text_of(item.data, number);
        item = (struct bytes_view){item.data + number + 1, item.len - number - 1};
    }
    secret->text = memory_text_of(item.data, item.len);
    size_t len = base64_decode(item, key, sizeof key);
    bool is_good = len >= SIGNATURE_SECRET_BYTES_MIN;
    if (len == 0) {
        bytes_printf(problem, "secret %zu of the list is not base64: copy it as Daily shows it",
                     index);
    } else if (!is_good) {
        bytes_printf(problem, "secret %zu of the list is shorter than %d bytes", index,
                     SIGNATURE_SECRET_BYTES_MIN);
    } else {
        secret_prepare(secret, key, len);
    }
    OPENSSL_cleanse(key, sizeof key);
    return is_good;
}

struct signature_secrets *signature_secrets_parse(const char *list, struct bytes *problem)
{
    struct signature_secrets *secrets = memory_zeroed(sizeof *secrets);
    const char *item = list;
    secrets->work = EVP_MD_CTX_new();
    must(secrets->work != NULL);
    for (bool is_last = false; !is_last;) {
        const char *end = item + strcspn(item, ",");
        is_last = *end == '\0';
        struct bytes_view view = {item, (size_t)(end - item)};
        while (view.len > 0 && *view.data == ' ') {
            view = (struct bytes_view){view.data + 1, view.len - 1};
        }
        while (view.len > 0 && view.data[view.len - 1] == ' ') {
            view.len--;
        }
        if (!add_secret(secrets, view, problem)) {
            signature_secrets_free(secrets);
            return NULL;
        }
        item = end + 1;
    }
    return secrets;
}

void signature_secrets_free(struct signature_secrets *secrets)
{
    if (secrets) {
        for (size_t i = 0; i < secrets->count; i++) {
            secret_release(&secrets->secrets[i]);
        }
        EVP_MD_CTX_free(secrets->work);
        free(secrets);
    }
}

bool signature_secrets_have(const struct signature_secrets *secrets, const char *secret)
{
    for (size_t i = 0; i < secrets->count; i++) {
        if (!strcmp(secrets->secrets[i].text, secret)) {
            return true;
        }
    }
    return false;
}

// --- checking ---------------------------------------------------------------------------------

static bool parse_timestamp(struct bytes_view text, uint64_t *ms)
{
    uint64_t number = 0;
    if (text.len == 0 || text.len > TIMESTAMP_DIGITS_MAX) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return false;
        }
        number = number * 10 + (uint64_t)(text.data[i] - '0');
    }
    *ms = number >= MILLISECONDS_FROM ? number : number * 1000;
    return true;
}

enum signature_verdict signature_check(const struct signature_secrets *secrets,
                                       struct bytes_view timestamp, struct bytes_view signature,
                                       struct bytes_view body, uint64_t now_ms,
                                       struct signature_match *match)
{
    unsigned char given[DIGEST_BYTES], expected[DIGEST_BYTES];
    uint64_t signed_ms = 0;
    size_t matches = 0;
    if (match) {
        match->any_number = false;
        match->count = 0;
    }
    if (signature.len != SIGNATURE_TEXT_BYTES ||
        base64_decode(signature, given, sizeof given) != DIGEST_BYTES ||
        !parse_timestamp(timestamp, &signed_ms)) {
        return SIGNATURE_WRONG;
    }
    for (size_t i = 0; i < secrets->count; i++) {
        hmac(&secrets->secrets[i], secrets->work, timestamp, body, expected);
        bool is_same = CRYPTO_memcmp(given, expected, DIGEST_BYTES) == 0;
        matches += is_same;
        if (is_same && match) {
            match->any_number |= secrets->secrets[i].number == NULL;
            match->indexes[match->count++] = (uint16_t)i;
        }
    }
    if (matches == 0) {
        return SIGNATURE_WRONG;
    }
    uint64_t away_ms = signed_ms > now_ms ? signed_ms - now_ms : now_ms - signed_ms;
    return away_ms > SIGNATURE_FRESH_S * 1000 ? SIGNATURE_STALE : SIGNATURE_GOOD;
}

bool signature_allows(const struct signature_secrets *secrets, const struct signature_match *match,
                      const char *to)
{
    if (match->any_number) {
        return true;
    }
    for (size_t i = 0; i < match->count && to; i++) {
        if (!strcmp(secrets->secrets[match->indexes[i]].number, to)) {
            return true;
        }
    }
    return false;
}

bool signature_sign(const char *secret, struct bytes_view timestamp, struct bytes_view body,
                    char *out)
{
    unsigned char key[SECRET_BYTES_MAX], digest[DIGEST_BYTES];
    struct secret prepared = {0};
    size_t len = base64_decode(view_of_text(secret), key, sizeof key);
    if (len == 0) {
        OPENSSL_cleanse(key, sizeof key); // a part may be decoded already
        return false;
    }
    EVP_MD_CTX *work = EVP_MD_CTX_new();
    must(work != NULL);
    secret_prepare(&prepared, key, len);
    hmac(&prepared, work, timestamp, body, digest);
    EVP_EncodeBlock((unsigned char *)out, digest, DIGEST_BYTES);
    EVP_MD_CTX_free(work);
    secret_release(&prepared);
    OPENSSL_cleanse(key, sizeof key);
    return true;
}

void signature_sha256(struct bytes_view data, char *out)
{
    unsigned char digest[DIGEST_BYTES];
    must(EVP_Digest(data.data, data.len, digest, NULL, sha256(), NULL));
    for (size_t i = 0; i < DIGEST_BYTES; i++) {
        static const char HEX[] = "0123456789abcdef";
        out[2 * i] = HEX[digest[i] >> 4];
        out[2 * i + 1] = HEX[digest[i] & 15];
    }
    out[2 * DIGEST_BYTES] = '\0';
}

bool signature_same_secret(struct bytes_view a, struct bytes_view b)
{
    return a.len == b.len && a.len > 0 && CRYPTO_memcmp(a.data, b.data, a.len) == 0;
}
