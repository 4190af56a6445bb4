// The board's configuration: CONTRACT section 5, as a table and the checks that a table cannot
// make.
#ifndef DIALIN_BOARD_SETTINGS_H
#define DIALIN_BOARD_SETTINGS_H

#include "config.h"
#include "peer.h"
#include "redis.h"
#include "redis_prefixes.h"

struct board_settings {
    struct config_common common;
    uint64_t port;
    char *listen_addr;
    char *token;
    char *user_header;
    char *trusted_proxies;
    char *hosts;
    bool is_local_only;
    bool has_actions;
    char *actions_redis_url;
    char *title;
    char *hmac_secret;

    char *redis_prefixes; // cut into `prefixes`

    // made from the above
    const char *prefixes[REDIS_PREFIXES_MAX];
    size_t prefix_count; // 1: REDIS_PREFIX alone, or one of REDIS_PREFIXES
    struct peer_proxies *proxies;
    struct redis_address redis;
};

extern const struct config_option BOARD_SETTINGS_TABLE[];

// For struct process: fills a zeroed `struct board_settings`, adding every problem.
void board_settings_load(void *settings, struct config_problems *problems);
void board_settings_release(void *settings);

#endif
