// Where Redis is, as REDIS_URL names it.
#ifndef DIALIN_REDIS_ADDRESS_H
#define DIALIN_REDIS_ADDRESS_H

#include <stdint.h>

// Where Redis is. Plain memory; redis_address_parse fills it from REDIS_URL, or returns a sentence
// that says what is wrong with the URL and never shows its password.
struct redis_address {
    char host[256]; // or a path, for unix sockets
    uint16_t port;  // 0: a unix socket
    char user[128];
    char password[512];
    unsigned database;
};
const char *redis_address_parse(struct redis_address *address, const char *url);

#endif
