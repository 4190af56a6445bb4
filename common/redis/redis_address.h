// REDIS_URL, parsed: which servers to ask, by which kind of discovery, with which log-in. Pure.
#ifndef DIALIN_REDIS_ADDRESS_H
#define DIALIN_REDIS_ADDRESS_H

#include "redis_tls.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REDIS_HOSTS_MAX 16 // Sentinels, or seed nodes of a cluster
#define REDIS_PORT 6379
#define REDIS_SENTINEL_PORT 26379

enum redis_kind {
    REDIS_SINGLE,   // redis://, rediss://, unix://: this server
    REDIS_SENTINEL, // redis+sentinel://: whichever server the Sentinels call the master
    REDIS_CLUSTER,  // redis+cluster://: whichever node holds our slot
};

struct redis_host {
    char name[256]; // or the path of a unix socket
    uint16_t port;  // 0: a unix socket
};

// Plain memory.
struct redis_address {
    enum redis_kind kind;
    bool has_tls;
    int family; // 4 or 6: only addresses of that family; 0: any
    struct redis_host hosts[REDIS_HOSTS_MAX];
    size_t host_count; // 1, unless it is about Sentinels or a cluster
    char master[128];  // by which name the Sentinels know it
    char user[128];
    char password[512];
    bool has_login; // user or password is given; the password may be empty
    unsigned database;
    struct redis_tls_files tls_files; // paths, borrowed
    const char *prefix; // borrowed: all keys are in the slot of this; NULL: it does not matter
};

// Fills `address` from a URL, or returns a sentence that names the part of the URL that is wrong
// and never shows any of its text.
const char *redis_address_parse(struct redis_address *address, const char *url);

#endif
