// See settings.h. A value is stored in one place whether it comes as a flag or as JSON: numbers as
// a double (exact up to 2^53, the largest maximum here), texts into arrays of a fixed size.
#include "settings.h"

#include "json.h"
#include "pool.h"
#include "request_list.h"
#include "signature.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXACT_MAX (UINT64_C(1) << 53)
#define DAY_MS 86400000

enum kind { NUMBER, FRACTION, TEXT, SECRET };

struct setting {
    const char *name;
    enum kind kind;
    bool is_fixed; // only at the start
    size_t offset;
    uint64_t min, max; // of a number; of a text, `max` is the size of its array
    const char *fallback;
    const char *help;
};

#define AT(member) offsetof(struct settings, member)
#define SIZE(member) sizeof(((struct settings *)NULL)->member)

static const struct setting TABLE[] = {
    {"listen_addr", TEXT, true, AT(listen_addr), 0, SIZE(listen_addr), "127.0.0.1",
     "numeric address to listen on"},
    {"port", NUMBER, true, AT(port), 0, 65535, "7870", "port to listen on; 0: the system chooses"},
    {"tls_cert", TEXT, true, AT(tls_cert), 0, SIZE(tls_cert), "",
     "PEM certificate: listens over https; empty: plain http"},
    {"tls_key", TEXT, true, AT(tls_key), 0, SIZE(tls_key), "", "its PEM key"},
    {"connections", NUMBER, true, AT(connections), 1, 100000, "10000", "connections at most"},
    {"seed", NUMBER, true, AT(seed), 0, EXACT_MAX, "0",
     "makes chance repeatable; 0: another one each time"},
    {"pool", NUMBER, false, AT(pool), 0, POOL_SESSIONS_MAX, "50",
     "sessions at once; beyond it 429; 0: no limit, sessions are not tracked"},
    {"session_ms", NUMBER, false, AT(session_ms), 0, DAY_MS, "60000",
     "length of a session; 0: until POST /control ends it"},
    {"warm", NUMBER, false, AT(warm), 0, POOL_SESSIONS_MAX, "1000000",
     "sessions that find a warm instance; beyond it, and at the first start, a cold start"},
    {"cold_start_ms", NUMBER, false, AT(cold_start_ms), 0, DAY_MS, "0", "what a cold start adds"},
    {"latency_ms", NUMBER, false, AT(latency_ms), 0, DAY_MS, "0", "before each answer"},
    {"latency_jitter_ms", NUMBER, false, AT(latency_jitter_ms), 0, DAY_MS, "0",
     "and up to this much more, by chance"},
    {"error_rate", FRACTION, false, AT(error_rate), 0, 1, "0",
     "share of starts that fail, by chance, 0 to 1"},
    {"error_status", NUMBER, false, AT(error_status), 200, 599, "503",
     "and what they are answered"},
    {"capacity_code", TEXT, false, AT(capacity_code), 0, SIZE(capacity_code),
     "PCC-AGENT-AT-CAPACITY", "code of a 429: PCC-AGENT-AT-CAPACITY or 429"},
    {"retry_after", TEXT, false, AT(retry_after), 0, SIZE(retry_after), "",
     "Retry-After of a 429; empty: none"},
    {"key", SECRET, false, AT(key), 0, SIZE(key), "",
     "public API key that a start must bring; empty: none is asked for"},
    {"agents", TEXT, false, AT(agents), 0, SIZE(agents), "",
     "names of the agents, with commas; others get 404; empty: any"},
    {"events_url", TEXT, true, AT(events_url), 0, SIZE(events_url), "",
     "plays Daily for its sessions too: posts dialin.connected and dialin.stopped there, such as "
     "http://127.0.0.1:7860/api/daily-events; empty: none"},
    {"events_secret", SECRET, true, AT(events_secret), 0, SIZE(events_secret), "",
     "signs these events: the ingress' DAILY_WEBHOOK_SECRET, one secret in base64"},
    {"keep", NUMBER, false, AT(keep), 0, REQUEST_LIST_MAX, "10000",
     "requests kept for GET /requests; 0: none, and bodies are not read"},
};
#define TABLE_COUNT (sizeof TABLE / sizeof *TABLE)

static const struct setting *find(const char *name)
{
    for (size_t i = 0; i < TABLE_COUNT; i++) {
        if (!strcmp(TABLE[i].name, name)) {
            return &TABLE[i];
        }
    }
    return NULL;
}

static bool is_text(const struct setting *setting)
{
    return setting->kind == TEXT || setting->kind == SECRET;
}

static const char *store_text(const struct setting *setting, struct settings *settings,
                              const char *value)
{
    size_t len = strlen(value);
    if (len >= setting->max) {
        return "the text is too long";
    }
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)value[i] < ' ' || (unsigned char)value[i] > '~') {
            return "only printable ASCII is allowed";
        }
    }
    memcpy((char *)settings + setting->offset, value, len + 1);
    return NULL;
}

static const char *store_number(const struct setting *setting, struct settings *settings,
                                double value)
{
    char *member = (char *)settings + setting->offset;
    if (!(value >= (double)setting->min && value <= (double)setting->max)) {
        return "the number is out of range";
    }
    if (setting->kind == FRACTION) {
        memcpy(member, &value, sizeof value);
        return NULL;
    }
    uint64_t whole = (uint64_t)value;
    if ((double)whole < value) {
        return "a whole number is needed";
    }
    memcpy(member, &whole, sizeof whole);
    return NULL;
}

static const char *store_flag(const struct setting *setting, struct settings *settings,
                              const char *value)
{
    char *end = NULL;
    if (is_text(setting)) {
        return store_text(setting, settings, value);
    }
    if (!*value || strspn(value, "0123456789.") != strlen(value)) {
        return "a number is needed";
    }
    double number = strtod(value, &end);
    return *end ? "a number is needed" : store_number(setting, settings, number);
}

bool settings_have(const char *name)
{
    return find(name) != NULL;
}

const char *settings_change(struct settings *settings, const char *name, const cJSON *value)
{
    const struct setting *setting = find(name);
    if (!setting) {
        return "there is no such setting";
    }
    if (setting->is_fixed) {
        return "this can only be set at the start";
    }
    if (is_text(setting)) {
        return cJSON_IsString(value) ? store_text(setting, settings, value->valuestring)
                                     : "a text is needed";
    }
    return cJSON_IsNumber(value) ? store_number(setting, settings, value->valuedouble)
                                 : "a number is needed";
}

static bool print_value(const struct setting *setting, const struct settings *settings,
                        struct bytes *out)
{
    const char *member = (const char *)settings + setting->offset;
    double fraction;
    uint64_t number;
    switch (setting->kind) {
    case TEXT:
        return bytes_printf(out, "\"%s\":", setting->name) &&
               json_append_text(out, view_of_text(member));
    case SECRET:
        return bytes_printf(out, "\"%s_is_set\":%s", setting->name, *member ? "true" : "false");
    case FRACTION:
        memcpy(&fraction, member, sizeof fraction);
        return bytes_printf(out, "\"%s\":%g", setting->name, fraction);
    case NUMBER:
        memcpy(&number, member, sizeof number);
        return bytes_printf(out, "\"%s\":%" PRIu64, setting->name, number);
    }
    return false;
}

bool settings_print(const struct settings *settings, struct bytes *out)
{
    bool fits = true;
    for (size_t i = 0; fits && i < TABLE_COUNT; i++) {
        fits = bytes_append_text(out, i == 0 ? "{" : ",") && print_value(&TABLE[i], settings, out);
    }
    return fits && bytes_append_text(out, "}");
}

bool settings_know_agent(const struct settings *settings, struct bytes_view agent)
{
    const char *name = settings->agents;
    if (!*name) {
        return true;
    }
    for (;;) {
        size_t len = strcspn(name, ",");
        if (view_equal((struct bytes_view){name, len}, agent)) {
            return true;
        }
        if (!name[len]) {
            return false;
        }
        name += len + 1;
    }
}

// --- the command line -------------------------------------------------------------------------

// The setting of `--session-ms`, `len` bytes without a value behind "=".
static const struct setting *setting_of_flag(const char *flag, size_t len)
{
    char name[64];
    if (len < 3 || len - 2 >= sizeof name || strncmp(flag, "--", 2) != 0) {
        return NULL;
    }
    for (size_t i = 2; i < len; i++) {
        name[i - 2] = flag[i] == '-' ? '_' : flag[i];
    }
    name[len - 2] = '\0';
    return find(name);
}

static void print_help(void)
{
    printf(
        "dialin-agent " DIALIN_VERSION "\n"
        "Plays Pipecat Cloud for tests and trials: POST /v1/public/{agent}/start and /start.\n\n"
        "While it runs: GET and POST /control (the settings below with _ for -, and \"cues\",\n"
        "\"clear_cues\", \"release\", \"end_sessions\"), GET and DELETE /requests, GET /starts,\n"
        "GET /healthz.\n\n");
    for (size_t i = 0; i < TABLE_COUNT; i++) {
        char flag[64];
        snprintf(flag, sizeof flag, "--%s", TABLE[i].name);
        for (char *c = flag; *c; c++) {
            *c = (char)(*c == '_' ? '-' : *c);
        }
        printf("  %-22s %s%s%s%s\n", flag, TABLE[i].help, *TABLE[i].fallback ? " (" : "",
               TABLE[i].fallback, *TABLE[i].fallback ? ")" : "");
    }
}

static enum settings_command complain(const char *flag, const char *sentence)
{
    fprintf(stderr, "dialin-agent: %s: %s; --help lists the flags\n", flag, sentence);
    return SETTINGS_USAGE;
}

static enum settings_command check(const struct settings *settings)
{
    char signature[SIGNATURE_TEXT_BYTES + 1];
    const char *url = settings->events_url;
    if (!url[0]) {
        return SETTINGS_RUN;
    }
    if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0) {
        return complain("--events-url", "it begins with http:// or https://");
    }
    if (!signature_sign(settings->events_secret, VIEW("1"), VIEW("{}"), signature)) {
        return complain("--events-secret", "it is needed with --events-url, in base64");
    }
    return SETTINGS_RUN;
}

enum settings_command settings_from_flags(struct settings *settings, int argc, char **argv)
{
    *settings = (struct settings){0};
    for (size_t i = 0; i < TABLE_COUNT; i++) {
        store_flag(&TABLE[i], settings, TABLE[i].fallback);
    }
    for (int i = 1; i < argc; i++) {
        const char *flag = argv[i];
        size_t len = strcspn(flag, "=");
        const struct setting *setting = setting_of_flag(flag, len);
        if (!strcmp(flag, "--help")) {
            print_help();
            return SETTINGS_DONE;
        }
        if (!strcmp(flag, "--version")) {
            printf("dialin-agent " DIALIN_VERSION "\n");
            return SETTINGS_DONE;
        }
        if (!setting) {
            return complain(flag, "there is no such flag");
        }
        const char *value = flag[len] == '=' ? flag + len + 1 : ++i < argc ? argv[i] : NULL;
        const char *problem = value ? store_flag(setting, settings, value) : "a value is missing";
        if (problem) {
            return complain(flag, problem);
        }
    }
    return check(settings);
}
