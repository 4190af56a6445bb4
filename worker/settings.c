// See settings.h. Which agent is asked, and with which key, is decided here: the cloud's key goes
// to Pipecat Cloud only, whatever else is set.
#include "settings.h"

#include "admin.h"
#include "log.h"
#include "memory.h"
#include "redis_settings.h"
#include "stream_reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define PROGRAM "dialin-worker"
#define DRAIN_SLACK_S 5
#define OPEN_FILES_OF_OUR_OWN 128
#define SPARE_FILES_FOR_CONNECTIONS 2 // a connection being closed and its successor

const struct config_option SETTINGS_TABLE[] = {
    {"START_URL", CONFIG_TEXT, offsetof(struct settings, start_url), NULL, 0, 0,
     "/start of a bot of one's own; wins over Pipecat Cloud, and is sent START_API_KEY only"},
    {"START_API_KEY", CONFIG_SECRET, offsetof(struct settings, start_api_key), NULL, 0, 0,
     "bearer key for START_URL"},
    {"PIPECAT_CLOUD_API_KEY", CONFIG_SECRET, offsetof(struct settings, cloud_api_key), NULL, 0, 0,
     "public key of Pipecat Cloud, with AGENT_NAME"},
    {"AGENT_NAME", CONFIG_TEXT, offsetof(struct settings, agent_name), NULL, 0, 0,
     "name of the agent on Pipecat Cloud"},
    {"DEMO_START_URL", CONFIG_TEXT, offsetof(struct settings, demo_start_url), NULL, 0, 0,
     "/start of the stand-in agent, used while neither START_URL nor PIPECAT_CLOUD_API_KEY is set"},
    {"START_CA_FILE", CONFIG_PATH, offsetof(struct settings, start_ca_file), NULL, 0, 0,
     "PEM file of the authorities that may certify the agent; default: the system's"},
    {"ALLOW_HTTP", CONFIG_TEXT, offsetof(struct settings, allow_http), NULL, 0, 0,
     "host patterns that may be asked over plain http, e.g. *.svc.cluster.local,*.internal"},
    {"DAILY_API_KEY", CONFIG_SECRET, offsetof(struct settings, daily_api_key), NULL, 0, 0,
     "goes to the bot as body.daily_api_key; Pipecat's own runner needs it"},
    {"DAILY_API_URL", CONFIG_TEXT, offsetof(struct settings, daily_api_url),
     "https://api.daily.co/v1", 0, 0, "goes to the bot with DAILY_API_KEY"},
    {"ROUTES_FILE", CONFIG_PATH, offsetof(struct settings, routes_file), NULL, 0, 0,
     "JSON file that says which agent takes which call; default: one agent takes all"},
    {"ALERT_URL", CONFIG_SECRET, offsetof(struct settings, alert_url), NULL, 0, 0,
     "gets {\"text\": …} by POST when callers are lost or will be, once for a kind in five "
     "minutes"},
    {"ALERT_CA_FILE", CONFIG_PATH, offsetof(struct settings, alert_ca_file), NULL, 0, 0,
     "PEM file of the authorities that may certify ALERT_URL; default: the system's"},
    {"CONCURRENCY", CONFIG_NUMBER, offsetof(struct settings, concurrency), "2048", 1, 65536,
     "calls in work at once"},
    {"START_TIMEOUT_S", CONFIG_NUMBER, offsetof(struct settings, start_timeout_s), "75", 1, 120,
     "how long /start may take to answer, in seconds"},
    {"HOLD_LIMIT_S", CONFIG_NUMBER, offsetof(struct settings, hold_limit_s), "110", 1, 3600,
     "how long a caller is on hold, in seconds from the webhook; no bot is started later"},
    {"DIALOUT_LIMIT_S", CONFIG_NUMBER, offsetof(struct settings, dialout_limit_s), "600", 1, 86400,
     "the same for a dial-out, in seconds"},
    {"TRUNK_LIMIT_S", CONFIG_NUMBER, offsetof(struct settings, trunk_limit_s), "30", 1, 600,
     "the same for a call over a SIP trunk, in seconds: its caller is in a silent room; a route "
     "may "
     "shorten it, and HOLD_GRACE_S is not added"},
    {"HOLD_GRACE_S", CONFIG_NUMBER, offsetof(struct settings, hold_grace_s), "10", 0, 60,
     "how long after that the answer to a request that left in time is waited for, in seconds"},
    {"ROOM_EXPIRY_S", CONFIG_NUMBER, offsetof(struct settings, room_expiry_s), "300", 30, 86400,
     "how long a room can be joined after the request, in seconds"},
    {"CONNECT_LIMIT_S", CONFIG_NUMBER, offsetof(struct settings, connect_limit_s), "60", 1, 3600,
     "how long after its start a caller may take to reach the bot, in seconds; then, if Daily's "
     "events come and none says so, the call is never_connected"},
    {"LEASE_S", CONFIG_NUMBER, offsetof(struct settings, lease_s), "10", 3, 60,
     "seconds without a heartbeat after which other workers claim this worker's calls"},
    {"DRAIN_TIMEOUT_S", CONFIG_NUMBER, offsetof(struct settings, drain_timeout_s), "80", 0, 600,
     "how long SIGTERM waits for requests that are out, in seconds; default: START_TIMEOUT_S + 5"},
    {"RETENTION_DAYS", CONFIG_NUMBER, offsetof(struct settings, retention_days), "7", 1, 3650,
     "how long finished calls are kept, in days; less where Redis' memory is short"},
    {"WORKER_NAME", CONFIG_TEXT, offsetof(struct settings, worker_name), NULL, 0, 0,
     "first part of the consumer's name; default: the host's name"},
    CONFIG_COMMON_OPTIONS(settings, common, "9465"),
    {0},
};

static void check_agent(struct settings *settings, struct config_problems *problems)
{
    struct bytes problem;
    const char *name = NULL;
    bytes_init(&problem, 4096);
    settings->route.allow_http = settings->allow_http;
    if (settings->start_url) {
        name = "START_URL";
        route_to_url(&settings->route, settings->start_url, settings->start_api_key, &problem);
    } else if (settings->cloud_api_key && !settings->agent_name) {
        config_problem(problems, "AGENT_NAME",
                       "is not set: name the agent on Pipecat Cloud that takes the calls");
    } else if (settings->cloud_api_key) {
        name = "AGENT_NAME";
        route_to_cloud(&settings->route, settings->agent_name, settings->cloud_api_key, &problem);
    } else if (settings->demo_start_url) {
        name = "DEMO_START_URL";
        route_to_url(&settings->route, settings->demo_start_url, NULL, &problem);
    } else {
        config_problem(problems, "START_URL",
                       "is not set, so there is no agent to take the calls: set it, or "
                       "PIPECAT_CLOUD_API_KEY and AGENT_NAME");
    }
    if (problem.len > 0) {
        config_problem(problems, name, "%s", bytes_text(&problem));
    }
    bytes_release(&problem);
}

static void check_allow_http(const struct settings *settings, struct config_problems *problems)
{
    struct bytes problem;
    bytes_init(&problem, 1024);
    if (settings->allow_http && !route_check_allow_http(settings->allow_http, &problem)) {
        config_problem(problems, "ALLOW_HTTP", "%s", bytes_text(&problem));
    }
    bytes_release(&problem);
}

static void check_routes(struct settings *settings, struct config_problems *problems)
{
    struct bytes problem;
    const struct routing_settings routing_settings = {
        .path = settings->routes_file,
        .agent = &settings->route,
        .cloud_key = settings->cloud_api_key,
    };
    bytes_init(&problem, 4096);
    settings->routing = routing_open(&routing_settings, &problem);
    if (!settings->routing) {
        config_problem(problems, "ROUTES_FILE", "%s", bytes_text(&problem));
    }
    bytes_release(&problem);
}

static bool is_https(const char *url)
{
    return url && !strncasecmp(url, "https:", strlen("https:"));
}

static bool asks_https(const struct routing *routing)
{
    const struct route_file *file = &routing->file;
    for (size_t i = 0; i < file->agents.count; i++) {
        if (is_https(file->agents.list[i]->route.start_url)) {
            return true;
        }
    }
    for (size_t i = 0; i < file->count; i++) {
        if (is_https(file->rules[i].lookup.url)) {
            return true;
        }
    }
    return false;
}

const char *const SETTINGS_SYSTEM_CA_FILES[] = {
    "/etc/ssl/certs/ca-certificates.crt", // Debian, Ubuntu, Alpine, Arch
    "/etc/pki/tls/certs/ca-bundle.crt",   // Fedora, RHEL
    "/etc/ssl/ca-bundle.pem",             // openSUSE
    "/etc/ssl/cert.pem",                  // OpenSSL's own place, BSD
    NULL,
};

static char *find_system_ca_file(void)
{
    for (const char *const *file = SETTINGS_SYSTEM_CA_FILES; *file; file++) {
        if (access(*file, R_OK) == 0) {
            return memory_text(*file);
        }
    }
    return NULL;
}

// The system's authorities take milliseconds to parse, which only https is worth.
static struct http_authorities *load_authorities(char **path, const char *name, bool is_needed,
                                                 struct config_problems *problems)
{
    struct http_authorities *authorities = NULL;
    const bool is_own = *path != NULL;
    if (!is_own) {
        *path = find_system_ca_file();
    }
    if (*path && (is_own || is_needed)) {
        struct bytes problem;
        bytes_init(&problem, 4096);
        authorities = http_authorities_load(*path, &problem);
        if (!authorities) {
            config_problem(problems, name, "%s", bytes_text(&problem));
        }
        bytes_release(&problem);
    } else if (is_needed) {
        config_problem(problems, name,
                       "is not set, and the system has no bundle of certificate authorities: "
                       "install ca-certificates, or name a PEM file");
    }
    return authorities;
}

static void check_alerts(struct settings *settings, struct config_problems *problems)
{
    struct bytes problem;
    const char *url = settings->alert_url;
    bytes_init(&problem, 4096);
    if (url && !route_check_url(url, settings->allow_http, "alerts", "", &problem)) {
        config_problem(problems, "ALERT_URL", "%s", bytes_text(&problem));
    }
    settings->alert_authorities =
        load_authorities(&settings->alert_ca_file, "ALERT_CA_FILE", is_https(url), problems);
    bytes_release(&problem);
}

// A request in flight may take START_TIMEOUT_S: the drain waits for it, unless told otherwise.
static void check_drain(struct settings *settings)
{
    const uint64_t enough_s = settings->start_timeout_s + DRAIN_SLACK_S;
    if (!getenv("DRAIN_TIMEOUT_S") && !getenv("DRAIN_TIMEOUT_S_FILE")) {
        settings->drain_timeout_s = enough_s;
    }
}

static void check_worker_name(struct settings *settings, struct config_problems *problems)
{
    if (!settings->worker_name) {
        char host[STREAM_READER_NAME_BYTES_MAX + 1] = "";
        gethostname(host, sizeof host - 1);
        settings->worker_name = memory_text(host[0] ? host : "worker");
    }
    for (const char *c = settings->worker_name; *c; c++) {
        if (*c <= ' ' || *c > '~') {
            config_problem(problems, "WORKER_NAME", "must be printable ASCII without spaces");
            return;
        }
    }
    if (strlen(settings->worker_name) > STREAM_READER_NAME_BYTES_MAX) {
        config_problem(problems, "WORKER_NAME", "may have at most %d characters",
                       STREAM_READER_NAME_BYTES_MAX);
    }
}

static void check_key(const char *key, const char *name, struct config_problems *problems)
{
    if (key && strlen(key) > ROUTE_KEY_BYTES_MAX) {
        config_problem(problems, name, "may have at most %d characters", ROUTE_KEY_BYTES_MAX);
    }
    for (const char *c = key; c && *c; c++) {
        if (*c <= ' ' || *c > '~') {
            config_problem(problems, name, "must be printable ASCII without spaces");
            return;
        }
    }
}

void settings_load(void *arg, struct config_problems *problems)
{
    struct settings *settings = arg;
    config_load(SETTINGS_TABLE, settings, problems);
    check_allow_http(settings, problems);
    check_agent(settings, problems);
    check_routes(settings, problems);
    settings->authorities =
        load_authorities(&settings->start_ca_file, "START_CA_FILE",
                         settings->routing && asks_https(settings->routing), problems);
    check_alerts(settings, problems);
    check_drain(settings);
    check_worker_name(settings, problems);
    check_key(settings->start_api_key, "START_API_KEY", problems);
    check_key(settings->cloud_api_key, "PIPECAT_CLOUD_API_KEY", problems);
    redis_settings_load_common(&settings->common, &settings->redis, problems);
    const char *secrets[] = {settings->start_api_key, settings->cloud_api_key,
                             settings->daily_api_key,
                             settings->redis.password[0] ? settings->redis.password : NULL};
    settings->secrets = redact_secrets_new();
    for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++) {
        redact_secrets_add(settings->secrets, secrets[i]);
    }
    admin_check(settings->common.admin_addr, problems);
    config_need_open_files(settings->concurrency * SPARE_FILES_FOR_CONNECTIONS +
                               OPEN_FILES_OF_OUR_OWN,
                           "CONCURRENCY", problems);
    config_common_apply(&settings->common, PROGRAM, problems);
}

void settings_release(void *arg)
{
    struct settings *settings = arg;
    routing_release(settings->routing);
    http_authorities_release(settings->authorities);
    http_authorities_release(settings->alert_authorities);
    redact_secrets_free(settings->secrets);
    memory_wipe(&settings->redis, sizeof settings->redis);
    config_release(SETTINGS_TABLE, settings);
}
