// See audit_settings.h.
#include "audit_settings.h"

#include "memory.h"
#include "redis_settings.h"

#include <string.h>

#define AT(member) offsetof(struct audit_settings, member)

const struct config_option AUDIT_SETTINGS_TABLE[] = {
    {"REDIS_URL", CONFIG_SECRET, AT(redis_url), "redis://127.0.0.1:6379", 0, 0,
     "where the record is"},
    {"REDIS_CA_FILE", CONFIG_PATH, AT(redis_ca_file), NULL, 0, 0, "as the worker has it"},
    {"REDIS_CERT", CONFIG_PATH, AT(redis_cert), NULL, 0, 0, "as the worker has it"},
    {"REDIS_KEY", CONFIG_PATH, AT(redis_key), NULL, 0, 0, "as the worker has it"},
    {"REDIS_PREFIX", CONFIG_TEXT, AT(redis_prefix), "{dialin}", 0, 0, "first part of every key"},
    {"REDIS_PREFIXES", CONFIG_TEXT, AT(redis_prefixes), NULL, 0, 0,
     "several, separated by commas: a command looks at one after the other, and each row names its "
     "prefix"},
    {"PINLESS_HMAC_SECRET", CONFIG_SECRET, AT(hmac_secret), NULL, 0, 0,
     "show: checks the recorded signatures; doctor: those of Daily's numbers"},
    {"SIP_TRUNK_SECRET", CONFIG_SECRET, AT(trunk_secret), NULL, 0, 0,
     "show: checks the recorded signatures of calls over SIP trunks"},
    {"DAILY_WEBHOOK_SECRET", CONFIG_SECRET, AT(events_secret), NULL, 0, 0,
     "doctor: checks the webhook of Daily's events"},
    {"START_URL", CONFIG_TEXT, AT(start_url), NULL, 0, 0, "verify --routes: as the worker has it"},
    {"START_API_KEY", CONFIG_SECRET, AT(start_api_key), NULL, 0, 0, "verify: is redacted"},
    {"PIPECAT_CLOUD_API_KEY", CONFIG_SECRET, AT(cloud_api_key), NULL, 0, 0, "verify: is redacted"},
    {"AGENT_NAME", CONFIG_TEXT, AT(agent_name), NULL, 0, 0,
     "verify --routes: as the worker has it"},
    {"DEMO_START_URL", CONFIG_TEXT, AT(demo_start_url), NULL, 0, 0,
     "verify --routes: as the worker has it"},
    {"DAILY_API_KEY", CONFIG_SECRET, AT(daily_api_key), NULL, 0, 0,
     "verify, doctor, secrets: as the worker has it; never given to a replay's agent"},
    {"DAILY_API_URL", CONFIG_TEXT, AT(daily_api_url), "https://api.daily.co/v1", 0, 0,
     "verify, doctor, secrets: as the worker has it"},
    {"DAILY_CA_FILE", CONFIG_PATH, AT(daily_ca_file), NULL, 0, 0,
     "doctor, secrets: PEM file of the authorities that may certify DAILY_API_URL; default: the "
     "system's"},
    {"START_CA_FILE", CONFIG_PATH, AT(start_ca_file), NULL, 0, 0, "doctor: as the worker has it"},
    {"ROUTES_FILE", CONFIG_PATH, AT(routes_file), NULL, 0, 0,
     "verify: as the worker has it, if --routes names no other file"},
    {"ALLOW_HTTP", CONFIG_TEXT, AT(allow_http), NULL, 0, 0, "verify: as the worker has it"},
    {"REPLAY_API_KEY", CONFIG_SECRET, AT(replay_api_key), NULL, 0, 0,
     "replay --to: bearer key for that agent, the only one it is sent"},
    {"HOLD_LIMIT_S", CONFIG_NUMBER, AT(hold_limit_s), "110", 1, 3600,
     "replay --live: how long a caller is on hold, in seconds"},
    {"HOLD_GRACE_S", CONFIG_NUMBER, AT(hold_grace_s), "10", 0, 60,
     "replay --to: how long after that an answer is waited for, in seconds"},
    {"DIALOUT_LIMIT_S", CONFIG_NUMBER, AT(dialout_limit_s), "600", 1, 86400,
     "the same for a dial-out"},
    {"TRUNK_LIMIT_S", CONFIG_NUMBER, AT(trunk_limit_s), "30", 1, 600,
     "the same for a call over a SIP trunk"},
    {"START_TIMEOUT_S", CONFIG_NUMBER, AT(start_timeout_s), "75", 1, 120,
     "replay --to: how long /start may take to answer, in seconds"},
    {0},
};

typedef struct signature_secrets *secrets_parse(const char *list, struct bytes *problem);

// NULL if there are none, or, after adding the problem, if one is unusable.
static struct signature_secrets *load_signatures(const char *name, const char *list,
                                                 secrets_parse *parse,
                                                 struct config_problems *problems)
{
    struct bytes problem;
    bytes_init(&problem, 4096);
    struct signature_secrets *secrets = list ? parse(list, &problem) : NULL;
    if (problem.len > 0) {
        config_problem(problems, name, "%s", bytes_text(&problem));
    }
    bytes_release(&problem);
    // cppcheck-suppress returnDanglingLifetime  ; no `parse` keeps `problem`
    return secrets;
}

uint64_t audit_settings_hold_s(const struct audit_settings *settings, enum webhook_kind kind)
{
    switch (kind) {
    case WEBHOOK_DIALOUT:
        return settings->dialout_limit_s;
    case WEBHOOK_TRUNK:
        return settings->trunk_limit_s;
    case WEBHOOK_DIALIN:
        break;
    }
    return settings->hold_limit_s;
}

void audit_settings_load(struct audit_settings *settings, struct config_problems *problems)
{
    config_load(AUDIT_SETTINGS_TABLE, settings, problems);
    settings->signatures = load_signatures("PINLESS_HMAC_SECRET", settings->hmac_secret,
                                           signature_secrets_parse, problems);
    settings->of_trunks = load_signatures("SIP_TRUNK_SECRET", settings->trunk_secret,
                                          signature_secrets_parse_named, problems);
    settings->of_events = load_signatures("DAILY_WEBHOOK_SECRET", settings->events_secret,
                                          signature_secrets_parse, problems);
    settings->prefix_count =
        redis_prefixes_cut(settings->redis_prefixes, settings->prefixes, problems);
    const struct redis_settings redis = {
        .url = settings->redis_url,
        .prefix = settings->redis_prefix,
        .tls_files = {settings->redis_ca_file, settings->redis_cert, settings->redis_key},
    };
    redis_settings_load(&redis, &settings->redis, problems);
    config_check_prefix("REDIS_PREFIX", settings->redis_prefix, problems);
    const char *secrets[] = {settings->start_api_key, settings->cloud_api_key,
                             settings->daily_api_key,
                             settings->redis.password[0] ? settings->redis.password : NULL};
    settings->secrets = redact_secrets_new();
    for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++) {
        redact_secrets_add(settings->secrets, secrets[i]);
    }
}

void audit_settings_release(struct audit_settings *settings)
{
    signature_secrets_free(settings->signatures);
    signature_secrets_free(settings->of_trunks);
    signature_secrets_free(settings->of_events);
    redact_secrets_free(settings->secrets);
    memory_wipe(&settings->redis, sizeof settings->redis);
    config_release(AUDIT_SETTINGS_TABLE, settings);
}
