// The ingress' configuration: CONTRACT section 5, as a table and the checks that a table cannot
// make.
#ifndef DIALIN_INGRESS_SETTINGS_H
#define DIALIN_INGRESS_SETTINGS_H

#include "config.h"
#include "http_tls.h"
#include "peer.h"
#include "redis.h"
#include "signature.h"

struct settings {
    struct config_common common;
    uint64_t port;
    char *listen_addr;
    char *hmac_secrets;
    char *events_secret;
    char *trunk_secrets;
    char *api_key;
    bool allow_unsigned;
    char *demo_secret;
    char *trusted_proxies;
    uint64_t body_bytes_max;
    uint64_t bodies_max_mb;
    uint64_t in_flight_max;
    char *spool_folder; // NULL: there is no spool
    uint64_t spool_max_mb;
    uint64_t lame_duck_s;
    char *tls_cert, *tls_key; // paths; NULL: plain http

    // made from the above
    struct signature_secrets *secrets;   // NULL: none
    struct signature_secrets *of_events; // NULL: none
    struct signature_secrets *of_trunks; // NULL: none
    struct peer_proxies *proxies;
    struct redis_address redis;
    struct http_tls *tls; // NULL: plain http
};

extern const struct config_option SETTINGS_TABLE[];

// For struct process: fills a `struct settings` (zeroed) from the environment, adding every
// problem.
void settings_load(void *settings, struct config_problems *problems);
void settings_release(void *settings);

// Open connections that MAX_IN_FLIGHT makes room for: those in flight, and some that are idle.
unsigned settings_connections(const struct settings *settings);

#endif
