// See settings.h. Whatever could let a forged webhook in is refused here, before anything starts.
#include "settings.h"

#include "admin.h"
#include "http_server.h"
#include "memory.h"
#include "redis_settings.h"
#include "spool_orphans.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PROGRAM "dialin-ingress"
#define CONNECTIONS_IDLE_MAX 1024
#define OPEN_FILES_OF_OUR_OWN 128
#define FILES_OF_TLS 3 // the client's socket, and a pair to the HTTP server
#define API_KEY_BYTES_MIN 16

const struct config_option SETTINGS_TABLE[] = {
    {"PORT", CONFIG_NUMBER, offsetof(struct settings, port), "7860", 1, 65535,
     "port that takes the webhooks"},
    {"LISTEN_ADDR", CONFIG_TEXT, offsetof(struct settings, listen_addr), "0.0.0.0", 0, 0,
     "numeric address to listen on for PORT; :: is IPv6 and IPv4"},
    {"PINLESS_HMAC_SECRET", CONFIG_SECRET, offsetof(struct settings, hmac_secrets), NULL, 0, 0,
     "secrets of the dial-in numbers in base64, separated by commas, each optionally for one "
     "number only: +14152251493=…"},
    {"DAILY_WEBHOOK_SECRET", CONFIG_SECRET, offsetof(struct settings, events_secret), NULL, 0, 0,
     "secret, in base64, of the domain's webhook for events, which posts to /api/daily-events; "
     "several, separated by commas, while it changes"},
    {"SIP_TRUNK_SECRET", CONFIG_SECRET, offsetof(struct settings, trunk_secrets), NULL, 0, 0,
     "secrets of Daily's SIP trunks in base64, which post to /api/sip-trunk; separated by commas, "
     "each optionally named: support=…; 16 at most"},
    {"INGRESS_API_KEY", CONFIG_SECRET, offsetof(struct settings, api_key), NULL, 0, 0,
     "key with which one's own application sends dial-outs (Authorization: Bearer)"},
    {"ALLOW_UNSIGNED", CONFIG_FLAG, offsetof(struct settings, allow_unsigned), "false", 0, 0,
     "true takes webhooks from anybody; only without a secret, and only for trials"},
    {"DEMO_SECRET", CONFIG_TEXT, offsetof(struct settings, demo_secret), NULL, 0, 0,
     "allowed lets the public demonstration secret sign, and is enough for a trial; never where "
     "real calls come in"},
    {"TRUSTED_PROXIES", CONFIG_TEXT, offsetof(struct settings, trusted_proxies), NULL, 0, 0,
     "addresses and networks, separated by commas, whose X-Forwarded-For names the peer"},
    {"MAX_BODY_BYTES", CONFIG_NUMBER, offsetof(struct settings, body_bytes_max), "65536", 1024,
     1048576, "longest webhook, in bytes"},
    {"MAX_BODIES_MB", CONFIG_NUMBER, offsetof(struct settings, bodies_max_mb), "64", 1, 65536,
     "memory for all webhooks that are being received, in megabytes; senders who were never "
     "genuine have half of it, and are answered 503 above"},
    {"MAX_IN_FLIGHT", CONFIG_NUMBER, offsetof(struct settings, in_flight_max), "10000", 1, 100000,
     "webhooks received and not answered yet; more are answered 503"},
    {"SPOOL_DIR", CONFIG_PATH, offsetof(struct settings, spool_folder), NULL, 0, 0,
     "folder on a local disk that keeps webhooks and Daily's events while Redis is away; without "
     "it "
     "they are answered 503 then"},
    {"SPOOL_MAX_MB", CONFIG_NUMBER, offsetof(struct settings, spool_max_mb), "256", 1, 1048576,
     "most that the spool may hold of calls, in megabytes; Daily's events have a tenth as much "
     "beside it"},
    {"LAME_DUCK_S", CONFIG_NUMBER, offsetof(struct settings, lame_duck_s), "0", 0, 600,
     "after SIGTERM /readyz says 503, but webhooks are accepted for as many seconds, until every "
     "load balancer has noticed; a second SIGTERM ends it"},
    {"TLS_CERT", CONFIG_PATH, offsetof(struct settings, tls_cert), NULL, 0, 0,
     "PEM file of the certificate and its chain: PORT then speaks https"},
    {"TLS_KEY", CONFIG_PATH, offsetof(struct settings, tls_key), NULL, 0, 0,
     "PEM file of the key of TLS_CERT, which no other user may read"},
    CONFIG_COMMON_OPTIONS(settings, common, "9464"),
    {0},
};

// Settings of a live agent and of real callers. If one is set in this environment, the calls are
// real, and the public demonstration secret must not sign them, whatever DEMO_SECRET is.
static const char *const OWN_SETTINGS[] = {
    "START_URL",   "START_API_KEY",   "PIPECAT_CLOUD_API_KEY", "AGENT_NAME",       "DAILY_API_KEY",
    "ROUTES_FILE", "INGRESS_API_KEY", "DAILY_WEBHOOK_SECRET",  "SIP_TRUNK_SECRET", "TLS_CERT",
    "TLS_KEY",
};

// An empty file counts as an unset variable; one that cannot be read does not.
static bool names_a_value(const char *path)
{
    struct stat file;
    return path && *path && (stat(path, &file) || !S_ISREG(file.st_mode) || file.st_size > 0);
}

// Returns the first of them that is set, itself or as NAME_FILE; NULL if none is.
static const char *own_setting(void)
{
    for (size_t i = 0; i < sizeof OWN_SETTINGS / sizeof *OWN_SETTINGS; i++) {
        char file_form[64];
        const char *value = getenv(OWN_SETTINGS[i]);
        snprintf(file_form, sizeof file_form, "%s_FILE", OWN_SETTINGS[i]);
        if ((value && *value) || names_a_value(getenv(file_form))) {
            return OWN_SETTINGS[i];
        }
    }
    return NULL;
}

static bool demo_is_allowed(const struct settings *settings)
{
    return settings->demo_secret && !strcmp(settings->demo_secret, "allowed") && !own_setting();
}

// Adds the problem of a public secret that would sign real calls.
static void refuse_demonstration(const struct settings *settings, const char *name,
                                 struct config_problems *problems)
{
    const char *own = own_setting();
    config_problem(problems, name,
                   "this is the public demonstration secret, with which anybody can forge calls: "
                   "set the secret that Daily shows (%s is %s)",
                   own ? own : "DEMO_SECRET",
                   own                     ? "set, so the calls are real"
                   : settings->demo_secret ? settings->demo_secret
                                           : "not set");
}

typedef struct signature_secrets *secrets_parse(const char *list, struct bytes *problem);

// NULL, after adding the problem, if one is unusable.
static struct signature_secrets *parse_secrets(const char *name, const char *list,
                                               secrets_parse *parse,
                                               struct config_problems *problems)
{
    struct bytes problem;
    bytes_init(&problem, 512);
    struct signature_secrets *secrets = parse(list, &problem);
    if (!secrets) {
        config_problem(problems, name, "%s", bytes_text(&problem));
    }
    bytes_release(&problem);
    // cppcheck-suppress returnDanglingLifetime  ; no `parse` keeps `problem`
    return secrets;
}

static void check_secrets(struct settings *settings, struct config_problems *problems)
{
    bool is_closed = settings->hmac_secrets || settings->api_key || settings->trunk_secrets;
    const char *own = own_setting();
    if (settings->allow_unsigned && is_closed) {
        config_problem(problems, "ALLOW_UNSIGNED",
                       "excludes PINLESS_HMAC_SECRET, INGRESS_API_KEY and SIP_TRUNK_SECRET: remove "
                       "it, or them");
    }
    if (settings->hmac_secrets) {
        settings->secrets = parse_secrets("PINLESS_HMAC_SECRET", settings->hmac_secrets,
                                          signature_secrets_parse, problems);
    } else if (!is_closed && !settings->allow_unsigned && demo_is_allowed(settings)) {
        settings->secrets = parse_secrets("PINLESS_HMAC_SECRET", SIGNATURE_DEMONSTRATION_SECRET,
                                          signature_secrets_parse, problems);
    } else if (!is_closed && !settings->allow_unsigned) {
        config_problem(problems, "PINLESS_HMAC_SECRET",
                       "is not set, so anybody could forge calls: set it to the secret of your "
                       "dial-in number, or INGRESS_API_KEY for dial-outs only, or SIP_TRUNK_SECRET "
                       "for SIP trunks only%s%s",
                       own                     ? "; no demonstration, because of "
                       : settings->demo_secret ? "; no demonstration, as DEMO_SECRET says: "
                                               : "",
                       own                     ? own
                       : settings->demo_secret ? settings->demo_secret
                                               : "");
    }
    if (settings->secrets && !demo_is_allowed(settings) &&
        signature_secrets_have(settings->secrets, SIGNATURE_DEMONSTRATION_SECRET)) {
        refuse_demonstration(settings, "PINLESS_HMAC_SECRET", problems);
    }
}

// Those of events and trunks: if one is set, calls are real, and the demonstration is over.
static void check_other_secrets(struct settings *settings, struct config_problems *problems)
{
    if (settings->events_secret) {
        settings->of_events = parse_secrets("DAILY_WEBHOOK_SECRET", settings->events_secret,
                                            signature_secrets_parse, problems);
    }
    if (settings->of_events && signature_secrets_are_tied(settings->of_events)) {
        config_problem(problems, "DAILY_WEBHOOK_SECRET",
                       "must not be tied to a number: it is the domain's");
    }
    if (settings->trunk_secrets) {
        settings->of_trunks = parse_secrets("SIP_TRUNK_SECRET", settings->trunk_secrets,
                                            signature_secrets_parse_named, problems);
    }
    if (settings->of_events &&
        signature_secrets_have(settings->of_events, SIGNATURE_DEMONSTRATION_SECRET)) {
        refuse_demonstration(settings, "DAILY_WEBHOOK_SECRET", problems);
    }
    if (settings->of_trunks &&
        signature_secrets_have(settings->of_trunks, SIGNATURE_DEMONSTRATION_SECRET)) {
        refuse_demonstration(settings, "SIP_TRUNK_SECRET", problems);
    }
}

static void check_proxies(struct settings *settings, struct config_problems *problems)
{
    struct bytes problem;
    bytes_init(&problem, 512);
    settings->proxies = peer_proxies_parse(settings->trusted_proxies, &problem);
    if (!settings->proxies) {
        config_problem(problems, "TRUSTED_PROXIES", "%s", bytes_text(&problem));
    }
    bytes_release(&problem);
}

// A disk that fails today is not a wrong setting: Redis takes the webhooks meanwhile.
static bool is_disk_problem(int error)
{
    return error == EIO || error == EROFS || error == ENOSPC || error == EDQUOT;
}

// Makes a file: /proc, for one, is a folder that can be opened but takes none.
static const char *try_spool(int folder)
{
    const char *problem = spool_folder_problem(folder);
    struct spool_file *file = problem ? NULL : spool_file_make(folder, SPOOL_CALLS_SUFFIX);
    if (!file) {
        return problem || is_disk_problem(errno) ? problem : strerror(errno);
    }
    spool_file_remove(file);
    spool_file_close(file);
    return NULL;
}

static void check_spool(const struct settings *settings, struct config_problems *problems)
{
    if (!settings->spool_folder) {
        return;
    }
    int folder = open(settings->spool_folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const char *problem = folder < 0 ? strerror(errno) : try_spool(folder);
    if (problem) {
        config_problem(problems, "SPOOL_DIR",
                       "must name a folder in which files can be made and read: %s", problem);
    }
    if (folder >= 0) {
        close(folder);
    }
}

static void check_listening(const struct settings *settings, struct config_problems *problems)
{
    if (!http_server_can_listen_on(settings->listen_addr)) {
        config_problem(problems, "LISTEN_ADDR",
                       "must be a numeric address such as 127.0.0.1 or ::, not '%.64s'",
                       settings->listen_addr);
    }
    if (settings->common.admin_port == settings->port) {
        config_problem(problems, "ADMIN_PORT", "must not be PORT, which takes the webhooks (%llu)",
                       (unsigned long long)settings->port);
    }
    admin_check(settings->common.admin_addr, problems);
}

static void load_tls(struct settings *settings, struct config_problems *problems)
{
    struct bytes problem;
    if (!settings->tls_cert != !settings->tls_key) {
        config_problem(problems, settings->tls_cert ? "TLS_KEY" : "TLS_CERT",
                       "is not set: TLS_CERT and TLS_KEY belong together");
        return;
    }
    if (!settings->tls_cert) {
        return;
    }
    bytes_init(&problem, 512);
    settings->tls = http_tls_load(settings->tls_cert, settings->tls_key, &problem);
    if (!settings->tls) {
        bool is_key = !strncmp(bytes_text(&problem), settings->tls_key, strlen(settings->tls_key));
        config_problem(problems, is_key ? "TLS_KEY" : "TLS_CERT", "%s", bytes_text(&problem));
    }
    bytes_release(&problem);
}

void settings_load(void *arg, struct config_problems *problems)
{
    struct settings *settings = arg;
    config_load(SETTINGS_TABLE, settings, problems);
    check_secrets(settings, problems);
    check_other_secrets(settings, problems);
    check_proxies(settings, problems);
    check_spool(settings, problems);
    if (settings->api_key && strlen(settings->api_key) < API_KEY_BYTES_MIN) {
        config_problem(problems, "INGRESS_API_KEY", "must have at least %d characters",
                       API_KEY_BYTES_MIN);
    }
    check_listening(settings, problems);
    load_tls(settings, problems);
    redis_settings_load_common(&settings->common, &settings->redis, problems);
    config_need_open_files(settings_connections(settings) * (settings->tls ? FILES_OF_TLS : 1) +
                               OPEN_FILES_OF_OUR_OWN,
                           "MAX_IN_FLIGHT", problems);
    config_common_apply(&settings->common, PROGRAM, problems);
}

void settings_release(void *arg)
{
    struct settings *settings = arg;
    signature_secrets_free(settings->secrets);
    signature_secrets_free(settings->of_events);
    signature_secrets_free(settings->of_trunks);
    peer_proxies_free(settings->proxies);
    http_tls_free(settings->tls);
    memory_wipe(&settings->redis, sizeof settings->redis);
    config_release(SETTINGS_TABLE, settings);
}

unsigned settings_connections(const struct settings *settings)
{
    return (unsigned)settings->in_flight_max + CONNECTIONS_IDLE_MAX;
}
