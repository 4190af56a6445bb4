// The environment of dialin-audit: CONTRACT section 7, and the worker's settings that verify and
// replay need.
#ifndef DIALIN_AUDIT_SETTINGS_H
#define DIALIN_AUDIT_SETTINGS_H

#include "config.h"
#include "redact.h"
#include "redis.h"
#include "redis_prefixes.h"
#include "signature.h"
#include "webhook_entry.h"

struct audit_settings {
    char *redis_url;
    char *redis_ca_file, *redis_cert, *redis_key;
    char *redis_prefix;
    char *redis_prefixes; // cut into `prefixes`
    char *hmac_secret;
    char *trunk_secret;
    char *events_secret; // of the domain's webhook
    char *start_url;
    char *start_api_key;
    char *cloud_api_key;
    char *agent_name;
    char *demo_start_url;
    char *daily_api_key;
    char *daily_api_url;
    char *daily_ca_file, *start_ca_file; // paths; NULL: the system's
    char *routes_file;
    char *allow_http;
    char *replay_api_key;
    uint64_t hold_limit_s;
    uint64_t hold_grace_s;
    uint64_t dialout_limit_s;
    uint64_t trunk_limit_s;
    uint64_t start_timeout_s;

    // made from the above
    const char *prefixes[REDIS_PREFIXES_MAX]; // of REDIS_PREFIXES
    size_t prefix_count;                      // 0: REDIS_PREFIX alone
    struct redis_address redis;
    struct signature_secrets *signatures; // NULL: no secret is set
    struct signature_secrets *of_trunks;  // likewise
    struct signature_secrets *of_events;  // likewise
    struct redact_secrets *secrets;
};

extern const struct config_option AUDIT_SETTINGS_TABLE[];

// Fills a zeroed struct from the environment, adding every problem.
void audit_settings_load(struct audit_settings *settings, struct config_problems *problems);
void audit_settings_release(struct audit_settings *settings);

// How long a caller of this kind holds.
uint64_t audit_settings_hold_s(const struct audit_settings *settings, enum webhook_kind kind);

#endif
