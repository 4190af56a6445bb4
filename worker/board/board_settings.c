// See board_settings.h. A board that anybody could read does not start.
#include "board_settings.h"

#include "gate.h"
#include "memory.h"
#include "redis_settings.h"
#include "signature.h"

#include <string.h>

#define PROGRAM "dialin-board"
#define OPEN_FILES 512
#define TOKEN_BYTES_MIN 16
#define AT(member) offsetof(struct board_settings, member)

const struct config_option BOARD_SETTINGS_TABLE[] = {
    {"PORT", CONFIG_NUMBER, AT(port), "7861", 1, 65535, "port of the page"},
    {"LISTEN_ADDR", CONFIG_TEXT, AT(listen_addr), "127.0.0.1", 0, 0,
     "numeric address to listen on; any but loopback needs BOARD_TOKEN, BOARD_USER_HEADER or "
     "BOARD_LOCAL_ONLY"},
    {"BOARD_TOKEN", CONFIG_SECRET, AT(token), NULL, 0, 0,
     "what one types in to see the board, at least 16 bytes"},
    {"BOARD_USER_HEADER", CONFIG_TEXT, AT(user_header), NULL, 0, 0,
     "header in which a trusted proxy names the user that it has let in"},
    {"TRUSTED_PROXIES", CONFIG_TEXT, AT(trusted_proxies), NULL, 0, 0,
     "addresses and networks, separated by commas, whose X-Forwarded-… and user header count"},
    {"BOARD_HOSTS", CONFIG_TEXT, AT(hosts), NULL, 0, 0,
     "names under which the board is reached beside loopback's, separated by commas"},
    {"BOARD_LOCAL_ONLY", CONFIG_FLAG, AT(is_local_only), "false", 0, 0,
     "true: whatever forwards to the port takes connections of this machine only, as compose does"},
    {"BOARD_ACTIONS", CONFIG_FLAG, AT(has_actions), "false", 0, 0,
     "true: pause, cancel, replay, reveal, export; all recorded. Needs BOARD_ACTIONS_REDIS_URL, "
     "and "
     "BOARD_TOKEN or BOARD_USER_HEADER"},
    {"BOARD_ACTIONS_REDIS_URL", CONFIG_SECRET, AT(actions_redis_url), NULL, 0, 0,
     "Redis as REDIS_URL has it, with a user that may pause, cancel, replay and export"},
    {"BOARD_TITLE", CONFIG_TEXT, AT(title), NULL, 0, 0,
     "text in the corner, such as production (in red) or staging"},
    {"PINLESS_HMAC_SECRET", CONFIG_SECRET, AT(hmac_secret), NULL, 0, 0,
     "judges recorded signatures; without it they are not judged"},
    {"REDIS_PREFIXES", CONFIG_TEXT, AT(redis_prefixes), NULL, 0, 0,
     "several, separated by commas, shown together in place of REDIS_PREFIX; each row names its "
     "prefix"},
    CONFIG_COMMON_OPTIONS(board_settings, common, "9466"),
    {0},
};

static void check_access(const struct board_settings *settings, struct config_problems *problems)
{
    bool is_guarded = settings->token || settings->user_header || settings->is_local_only;
    if (settings->token && strlen(settings->token) < TOKEN_BYTES_MIN) {
        config_problem(problems, "BOARD_TOKEN", "must have at least %d bytes", TOKEN_BYTES_MIN);
    }
    if (!is_guarded && !gate_is_loopback(settings->listen_addr)) {
        config_problem(problems, "LISTEN_ADDR",
                       "%s is not loopback, and anybody could read the board: set BOARD_TOKEN or "
                       "BOARD_USER_HEADER",
                       settings->listen_addr);
    }
    if (settings->has_actions && !settings->token && !settings->user_header) {
        config_problem(problems, "BOARD_ACTIONS",
                       "needs BOARD_TOKEN or BOARD_USER_HEADER: the record names who did it");
    }
    if (settings->has_actions && settings->is_local_only) {
        config_problem(problems, "BOARD_ACTIONS",
                       "excludes BOARD_LOCAL_ONLY: publish the board "
                       "behind a token or a user header instead");
    }
    if (settings->user_header && !settings->trusted_proxies) {
        config_problem(problems, "BOARD_USER_HEADER",
                       "needs TRUSTED_PROXIES: else anybody could send this header");
    }
    if (settings->user_header && settings->token) {
        config_problem(problems, "BOARD_USER_HEADER", "excludes BOARD_TOKEN: remove one of them");
    }
}

static void check_actions(const struct board_settings *settings, struct config_problems *problems)
{
    struct redis_address address = {0};
    const char *url = settings->actions_redis_url;
    const char *problem = url ? redis_address_parse(&address, url) : NULL;
    if (settings->has_actions && !url) {
        config_problem(problems, "BOARD_ACTIONS",
                       "needs BOARD_ACTIONS_REDIS_URL: the user of REDIS_URL only reads");
    }
    if (url && !settings->has_actions) {
        config_problem(problems, "BOARD_ACTIONS_REDIS_URL", "does nothing without BOARD_ACTIONS");
    }
    if (problem) {
        config_problem(problems, "BOARD_ACTIONS_REDIS_URL", "%s", problem);
    }
    memory_wipe(&address, sizeof address);
}

static void check_lists(struct board_settings *settings, struct config_problems *problems)
{
    struct bytes problem;
    bytes_init(&problem, 4096);
    settings->proxies = peer_proxies_parse(settings->trusted_proxies, &problem);
    if (!settings->proxies) {
        config_problem(problems, "TRUSTED_PROXIES", "%s", bytes_text(&problem));
    }
    bytes_clear(&problem);
    struct signature_secrets *secrets =
        settings->hmac_secret ? signature_secrets_parse(settings->hmac_secret, &problem) : NULL;
    if (settings->hmac_secret && !secrets) {
        config_problem(problems, "PINLESS_HMAC_SECRET", "%s", bytes_text(&problem));
    }
    signature_secrets_free(secrets);
    bytes_release(&problem);
}

void board_settings_load(void *arg, struct config_problems *problems)
{
    struct board_settings *settings = arg;
    config_load(BOARD_SETTINGS_TABLE, settings, problems);
    check_access(settings, problems);
    check_actions(settings, problems);
    check_lists(settings, problems);
    settings->prefix_count =
        redis_prefixes_cut(settings->redis_prefixes, settings->prefixes, problems);
    if (settings->prefix_count == 0) {
        settings->prefixes[settings->prefix_count++] = settings->common.redis_prefix;
    }
    redis_settings_load_common(&settings->common, &settings->redis, problems);
    config_need_open_files(OPEN_FILES, "dialin-board", problems);
    config_common_apply(&settings->common, PROGRAM, problems);
}

void board_settings_release(void *arg)
{
    struct board_settings *settings = arg;
    peer_proxies_free(settings->proxies);
    memory_wipe(&settings->redis, sizeof settings->redis);
    config_release(BOARD_SETTINGS_TABLE, settings);
}
