// A table of chains, keyed by the address with a secret of this run, so that nobody can choose
// addresses that fall into one chain. An entry lives as long as it has connections or was genuine
// within the hour; those without a connection are looked through whenever there are too many.
#include "http_share.h"

#include "memory.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define CHAINS 4096 // a power of two
#define BYTES_OF_NETWORK 8

struct http_share {
    struct http_share *next;
    uint8_t address[16]; // IPv4 in its mapped form
    unsigned connections;
    uint64_t genuine_until_ms;
};

struct http_shares {
    struct http_share *chains[CHAINS];
    uint64_t seed[2];
    size_t idle; // entries without a connection
};

struct http_shares *http_shares_open(void)
{
    struct http_shares *shares = memory_zeroed(sizeof *shares);
    if (getrandom(shares->seed, sizeof shares->seed, 0) != sizeof shares->seed) {
        abort();
    }
    return shares;
}

void http_shares_close(struct http_shares *shares)
{
    for (size_t i = 0; i < CHAINS; i++) {
        for (struct http_share *share = shares->chains[i], *next; share; share = next) {
            next = share->next;
            free(share);
        }
    }
    free(shares);
}

static void whole_address(const struct sockaddr *address, uint8_t out[16])
{
    memset(out, 0, 16);
    if (address && address->sa_family == AF_INET) {
        memset(out + 10, 0xff, 2);
        memcpy(out + 12, &((const struct sockaddr_in *)(const void *)address)->sin_addr, 4);
    } else if (address && address->sa_family == AF_INET6) {
        memcpy(out, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, 16);
    }
}

static bool is_mapped(const uint8_t address[16])
{
    static const uint8_t PREFIX[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    return !memcmp(address, PREFIX, sizeof PREFIX);
}

static void key_of(const struct sockaddr *address, uint8_t out[16])
{
    whole_address(address, out);
    if (!is_mapped(out)) {
        memset(out + BYTES_OF_NETWORK, 0, 16 - BYTES_OF_NETWORK);
    }
}

static size_t chain_of(const struct http_shares *shares, const uint8_t key[16])
{
    uint64_t words[2];
    memcpy(words, key, sizeof words);
    uint64_t mixed = shares->seed[0];
    for (size_t i = 0; i < 2; i++) {
        mixed = (mixed ^ words[i] ^ shares->seed[1]) * UINT64_C(0x9e3779b97f4a7c15);
        mixed ^= mixed >> 32;
    }
    return mixed % CHAINS;
}

static struct http_share *find(const struct http_shares *shares, const uint8_t key[16])
{
    struct http_share *share = shares->chains[chain_of(shares, key)];
    while (share && memcmp(share->address, key, sizeof share->address) != 0) {
        share = share->next;
    }
    return share;
}

const struct http_share *http_shares_find(const struct http_shares *shares,
                                          const struct sockaddr *address)
{
    uint8_t key[16];
    key_of(address, key);
    return find(shares, key);
}

struct http_share *http_shares_join(struct http_shares *shares, const struct sockaddr *address)
{
    uint8_t key[16];
    key_of(address, key);
    struct http_share *share = find(shares, key);
    if (!share) {
        struct http_share **chain = &shares->chains[chain_of(shares, key)];
        share = memory_zeroed(sizeof *share);
        memcpy(share->address, key, sizeof key);
        share->next = *chain;
        *chain = share;
    } else if (share->connections == 0) {
        shares->idle--;
    }
    share->connections++;
    return share;
}

static void drop(struct http_shares *shares, const struct http_share *share)
{
    struct http_share **link = &shares->chains[chain_of(shares, share->address)];
    while (*link != share) {
        link = &(*link)->next;
    }
    struct http_share *dropped = *link;
    *link = dropped->next;
    free(dropped);
}

// Forgets those whose hour is over, and all without a connection if that does not help.
static void forget(struct http_shares *shares, uint64_t now_ms)
{
    for (size_t i = 0; i < CHAINS; i++) {
        struct http_share **link = &shares->chains[i];
        while (*link) {
            struct http_share *share = *link;
            bool is_over = shares->idle > HTTP_GENUINE_MAX || share->genuine_until_ms <= now_ms;
            if (share->connections == 0 && is_over) {
                *link = share->next;
                shares->idle--;
                free(share);
            } else {
                link = &share->next;
            }
        }
    }
}

void http_shares_leave(struct http_shares *shares, struct http_share *share, uint64_t now_ms)
{
    if (--share->connections > 0) {
        return;
    }
    if (!http_share_is_genuine(share, now_ms)) {
        drop(shares, share);
    } else if (++shares->idle > HTTP_GENUINE_MAX) {
        forget(shares, now_ms);
    }
}

unsigned http_share_connections(const struct http_share *share)
{
    return share->connections;
}

void http_share_note_genuine(struct http_share *share, uint64_t now_ms)
{
    share->genuine_until_ms = now_ms + HTTP_GENUINE_MS;
}

bool http_share_is_genuine(const struct http_share *share, uint64_t now_ms)
{
    return share->genuine_until_ms > now_ms;
}

bool http_address_is_loopback(const struct sockaddr *address)
{
    static const uint8_t IP6[16] = {[15] = 1};
    uint8_t whole[16];
    whole_address(address, whole);
    return (is_mapped(whole) && whole[12] == 127) || !memcmp(whole, IP6, sizeof IP6);
}

bool http_address_is_private(const struct sockaddr *address)
{
    uint8_t whole[16];
    whole_address(address, whole);
    const uint8_t *ip4 = whole + 12;
    if (!is_mapped(whole)) {
        return (whole[0] & 0xfe) == 0xfc || (whole[0] == 0xfe && (whole[1] & 0xc0) == 0x80) ||
               http_address_is_loopback(address);
    }
    return ip4[0] == 127 || ip4[0] == 10 || (ip4[0] == 172 && (ip4[1] & 0xf0) == 16) ||
           (ip4[0] == 192 && ip4[1] == 168) || (ip4[0] == 100 && (ip4[1] & 0xc0) == 64) ||
           (ip4[0] == 169 && ip4[1] == 254);
}
