// See http_client_trust.h. libcurl cannot be told to forget connections. It can be told how old one
// may be that is used again: as old as the trust. It counts whole seconds (7.88), so that in the
// first two seconds each transfer makes a connection of its own.
#include "http_client_trust.h"

#include "http_client_options.h"
#include "memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#define FRESH_S 2
#define MS_PER_S 1000
#define NS_PER_MS 1000000

struct http_client_trust {
    struct http_authorities *authorities;
    CURLSH *sessions;
    size_t owners;
    bool is_first;
    uint64_t since_ms;
};

// libcurl's clock for the age of connections.
static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * MS_PER_S + (uint64_t)now.tv_nsec / NS_PER_MS;
}

static CURLcode use_authorities(CURL *easy, void *context, void *arg)
{
    (void)easy;
    const struct http_client_trust *trust = arg;
    http_authorities_use(trust->authorities, context);
    return CURLE_OK;
}

struct http_client_trust *http_client_trust_open(struct http_authorities *authorities,
                                                 bool is_first)
{
    struct http_client_trust *trust = memory_zeroed(sizeof *trust);
    trust->authorities = http_authorities_keep(authorities);
    trust->sessions = curl_share_init();
    assert(trust->sessions);
    curl_share_setopt(trust->sessions, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
    trust->owners = 1;
    trust->is_first = is_first;
    trust->since_ms = now_ms();
    return trust;
}

bool http_client_trust_is(const struct http_client_trust *trust,
                          const struct http_authorities *authorities)
{
    return trust->authorities == authorities;
}

static void take_over(struct http_client_trust *trust, CURL *easy)
{
    SET(easy, CURLOPT_SHARE, trust->sessions);
    if (trust->authorities) {
        SET(easy, CURLOPT_CA_CACHE_TIMEOUT, 0L);
        SET(easy, CURLOPT_CAINFO, NULL);
        SET(easy, CURLOPT_CAPATH, NULL);
        SET(easy, CURLOPT_SSL_CTX_FUNCTION, use_authorities);
        SET(easy, CURLOPT_SSL_CTX_DATA, trust);
    }
}

void http_client_trust_begin(struct http_client_trust *trust, CURL *easy,
                             struct http_client_trust **of_handle)
{
    if (*of_handle != trust) {
        take_over(trust, easy);
        http_client_trust_leave(*of_handle);
        trust->owners++;
        *of_handle = trust;
    }
    if (!trust->is_first) {
        const long age_s = (long)((now_ms() - trust->since_ms) / MS_PER_S);
        SET(easy, CURLOPT_FRESH_CONNECT, age_s < FRESH_S ? 1L : 0L);
        SET(easy, CURLOPT_MAXLIFETIME_CONN, age_s < FRESH_S ? 1L : age_s - 1);
    }
}

void http_client_trust_leave(struct http_client_trust *trust)
{
    if (trust && --trust->owners == 0) {
        CURLSHcode code = curl_share_cleanup(trust->sessions);
        assert(code == CURLSHE_OK); // a handle is still bound
        (void)code;
        http_authorities_release(trust->authorities);
        free(trust);
    }
}
