// See redis_settings.h.
#include "redis_settings.h"

#include <string.h>

static void check_files(const struct redis_address *address, struct config_problems *problems)
{
    const struct redis_tls_files *files = &address->tls_files;
    const struct {
        const char *name, *path;
    } given[] = {
        {"REDIS_CA_FILE", files->ca_file}, {"REDIS_CERT", files->cert}, {"REDIS_KEY", files->key}};
    char problem[REDIS_TLS_PROBLEM_BYTES];
    for (size_t i = 0; i < 3 && !address->has_tls; i++) {
        if (given[i].path) {
            config_problem(problems, given[i].name,
                           "is for TLS only: write rediss:// in REDIS_URL, or remove it");
        }
    }
    struct redis_tls *tls = address->has_tls ? redis_tls_open(files, problem) : NULL;
    if (address->has_tls && !tls) { // "NAME: sentence"
        char name[32];
        const char *colon = strchr(problem, ':');
        view_copy((struct bytes_view){problem, colon ? (size_t)(colon - problem) : 0}, name,
                  sizeof name);
        config_problem(problems, name, "%s", colon ? colon + 2 : problem);
    }
    redis_tls_close(tls);
}

void redis_settings_load(const struct redis_settings *settings, struct redis_address *address,
                         struct config_problems *problems)
{
    const char *problem = redis_address_parse(address, settings->url);
    address->prefix = settings->prefix;
    address->tls_files = settings->tls_files;
    if (problem) {
        config_problem(problems, "REDIS_URL", "%s", problem);
    } else {
        check_files(address, problems);
    }
}

void redis_settings_load_common(const struct config_common *common, struct redis_address *address,
                                struct config_problems *problems)
{
    const struct redis_settings settings = {
        .url = common->redis_url,
        .prefix = common->redis_prefix,
        .tls_files = {common->redis_ca_file, common->redis_cert, common->redis_key},
    };
    redis_settings_load(&settings, address, problems);
}
