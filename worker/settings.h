// The worker's configuration: CONTRACT section 5, as a table and the checks that a table cannot
// make.
#ifndef DIALIN_WORKER_SETTINGS_H
#define DIALIN_WORKER_SETTINGS_H

#include "config.h"
#include "http_authorities.h"
#include "redact.h"
#include "redis.h"
#include "routing.h"

struct settings {
    struct config_common common;
    char *start_url;
    char *start_api_key;
    char *cloud_api_key;
    char *start_ca_file;
    char *allow_http;
    char *agent_name;
    char *demo_start_url;
    char *daily_api_key;
    char *daily_api_url;
    char *worker_name;
    char *alert_url;
    char *alert_ca_file;
    char *routes_file;
    uint64_t concurrency;
    uint64_t start_timeout_s;
    uint64_t hold_limit_s;
    uint64_t dialout_limit_s;
    uint64_t trunk_limit_s;
    uint64_t hold_grace_s;
    uint64_t room_expiry_s;
    uint64_t connect_limit_s;
    uint64_t lease_s;
    uint64_t drain_timeout_s;
    uint64_t retention_days;

    // made from the above
    struct route route;                   // the environment's agent
    struct routing *routing;              // it, and the routes; NULL if there is a problem
    struct http_authorities *authorities; // of START_CA_FILE; NULL: nothing is asked over https
    struct http_authorities
        *alert_authorities; // of ALERT_CA_FILE; NULL: nothing is told over https
    struct redis_address redis;
    struct redact_secrets *secrets;
};

extern const struct config_option SETTINGS_TABLE[];
extern const char *const SETTINGS_SYSTEM_CA_FILES[]; // the defaults of START_CA_FILE, then NULL

// For struct process: fills a `struct settings` (zeroed) from the environment, adding every
// problem.
void settings_load(void *settings, struct config_problems *problems);
void settings_release(void *settings);

#endif
