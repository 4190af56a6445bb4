// See session.h. Cookies know no port: another program on this host may have set one of our name,
// so every cookie of that name is tried.
#include "session.h"

#include "bytes.h"
#include "hmac.h"
#include "memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct session_key {
    struct hmac *cookies;
    unsigned char token[HMAC_BYTES]; // a digest, so that lengths compare alike
};

// One key for each purpose.
static void derive(const char *token, const char *purpose, unsigned char out[HMAC_BYTES])
{
    const struct bytes_view part = view_of_text(purpose);
    struct hmac *key = hmac_open((const unsigned char *)token, strlen(token));
    hmac(key, 1, &part, out);
    hmac_close(key);
}

static void digest(const char *token, unsigned char out[HMAC_BYTES])
{
    hmac_sha256(view_of_text(token), out);
}

struct session_key *session_key_open(const char *token)
{
    unsigned char derived[HMAC_BYTES];
    struct session_key *key = memory_zeroed(sizeof *key);
    derive(token, "dialin-board cookie", derived);
    key->cookies = hmac_open(derived, sizeof derived);
    digest(token, key->token);
    memory_wipe(derived, sizeof derived);
    return key;
}

void session_key_close(struct session_key *key)
{
    if (key) {
        hmac_close(key->cookies);
        memory_wipe(key, sizeof *key);
        free(key);
    }
}

bool session_token_is_right(const struct session_key *key, const char *token)
{
    unsigned char shown[HMAC_BYTES];
    digest(token, shown);
    return hmac_same(shown, key->token, sizeof shown);
}

static void sign(const struct session_key *key, uint64_t expiry_ms, char out[SESSION_VALUE_BYTES])
{
    static const char HEX[] = "0123456789abcdef";
    unsigned char mac[HMAC_BYTES];
    int len = snprintf(out, SESSION_VALUE_BYTES, "%" PRIu64, expiry_ms);
    const struct bytes_view part = {out, (size_t)len};
    hmac(key->cookies, 1, &part, mac);
    char *at = out + len;
    *at++ = '.';
    for (size_t i = 0; i < HMAC_BYTES; i++) {
        *at++ = HEX[mac[i] >> 4];
        *at++ = HEX[mac[i] & 15];
    }
    *at = '\0';
}

void session_value(const struct session_key *key, uint64_t now_ms, char out[SESSION_VALUE_BYTES])
{
    sign(key, now_ms + SESSION_MS, out);
}

static uint64_t ends_ms(const struct session_key *key, struct bytes_view value, uint64_t now_ms)
{
    char shown[SESSION_VALUE_BYTES], made[SESSION_VALUE_BYTES];
    if (value.len >= sizeof shown) {
        return 0;
    }
    view_copy(value, shown, sizeof shown);
    uint64_t expiry_ms = strtoull(shown, NULL, 10);
    sign(key, expiry_ms, made);
    size_t len = strlen(made);
    bool is_open = len == value.len && hmac_same(shown, made, len) && expiry_ms > now_ms &&
                   expiry_ms <= now_ms + SESSION_MS;
    return is_open ? expiry_ms : 0;
}

uint64_t session_ends_ms(const struct session_key *key, const char *cookies, uint64_t now_ms)
{
    static const char NAME[] = SESSION_COOKIE "=";
    for (const char *at = cookies; at && *at;) {
        at += strspn(at, "; ");
        size_t len = strcspn(at, ";");
        bool is_ours = !strncmp(at, NAME, sizeof NAME - 1);
        const struct bytes_view value = {at + sizeof NAME - 1, len - (sizeof NAME - 1)};
        uint64_t end_ms = is_ours ? ends_ms(key, value, now_ms) : 0;
        if (end_ms > 0) {
            return end_ms;
        }
        at += len;
    }
    return 0;
}
