// See daily_api.h. A loop of its own runs while an answer is waited for.
#include "daily_api.h"

#include "http_client.h"
#include "loop.h"
#include "memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define KEY_BYTES_MAX 4000
#define URL_BYTES_MAX 2048
#define SHOWN_BYTES 200 // of an error of Daily
#define RETRY_AFTER_S_MAX 3600
#define BODY_BYTES_MAX 65536
#define SENTENCE_BYTES_MAX 8192

static const char AUTHORIZATION[] = "Authorization: Bearer ";

struct daily_api {
    struct loop *loop;
    struct http_client *client;
    char url[URL_BYTES_MAX + 1];
    char authorization[KEY_BYTES_MAX + 32];
    cJSON *tree;        // of the answer that is being waited for
    const char *secret; // in the question that is out; NULL: none
    unsigned status, retry_after_s;
    uint64_t questions;
    bool is_cut;
    char problem[DAILY_API_PROBLEM_BYTES];
    const char *remedy;
};

// --- opening ------------------------------------------------------------------------------------

// A loopback address with its port. (What follows the colon could be a password for another host.)
static bool is_near(const char *url)
{
    static const char *const NEAR[] = {"http://127.0.0.1:", "http://localhost:", "http://[::1]:"};
    for (size_t i = 0; i < sizeof NEAR / sizeof NEAR[0]; i++) {
        size_t len = strlen(NEAR[i]), digits = 0;
        if (!strncasecmp(url, NEAR[i], len)) {
            digits = strspn(url + len, "0123456789");
            return digits > 0 && (url[len + digits] == '/' || !url[len + digits]);
        }
    }
    return false;
}

static const char *find_problem(const struct daily_api_settings *settings)
{
    if (!settings->key) {
        return "DAILY_API_KEY is not set";
    }
    if (strlen(settings->key) > KEY_BYTES_MAX) {
        return "DAILY_API_KEY is too long";
    }
    for (const char *c = settings->key; *c; c++) {
        if (*c <= ' ' || *c > '~') {
            return "DAILY_API_KEY must be printable ASCII without spaces";
        }
    }
    if (strncasecmp(settings->url, "https://", 8) != 0 && !is_near(settings->url)) {
        return "DAILY_API_URL must begin with https://: the key goes there";
    }
    return strlen(settings->url) > URL_BYTES_MAX - DAILY_API_PATH_BYTES
               ? "DAILY_API_URL is too long"
               : NULL;
}

// False, with a sentence in `problem`, if there is a file and it cannot be used.
static bool load_authorities(const char *ca_file, struct http_authorities **authorities,
                             char problem[DAILY_API_PROBLEM_BYTES])
{
    struct bytes sentence;
    bytes_init(&sentence, SENTENCE_BYTES_MAX);
    *authorities = ca_file ? http_authorities_load(ca_file, &sentence) : NULL;
    const bool is_good = !ca_file || *authorities;
    if (!is_good) {
        snprintf(problem, DAILY_API_PROBLEM_BYTES, "DAILY_CA_FILE: %.500s", bytes_text(&sentence));
    }
    bytes_release(&sentence);
    return is_good;
}

struct daily_api *daily_api_open(const struct daily_api_settings *settings,
                                 char problem[DAILY_API_PROBLEM_BYTES])
{
    const char *found = find_problem(settings);
    if (found) {
        snprintf(problem, DAILY_API_PROBLEM_BYTES, "%s", found);
        return NULL;
    }
    struct http_authorities *authorities = NULL;
    if (!load_authorities(settings->ca_file, &authorities, problem)) {
        return NULL;
    }
    struct daily_api *api = memory_zeroed(sizeof *api);
    size_t len = strlen(settings->url);
    len -= settings->url[len - 1] == '/';
    snprintf(api->url, sizeof api->url, "%.*s", (int)len, settings->url);
    snprintf(api->authorization, sizeof api->authorization, "%s%s", AUTHORIZATION, settings->key);
    api->loop = loop_open();
    const struct http_client_settings client = {.connections_max = 1,
                                                .connect_timeout_ms = HTTP_CONNECT_TIMEOUT_MS,
                                                .authorities = authorities};
    api->client = http_client_open(api->loop, &client);
    http_authorities_release(authorities); // the client keeps them
    return api;
}

void daily_api_close(struct daily_api *api)
{
    if (api) {
        http_client_close(api->client);
        loop_close(api->loop);
        memory_wipe(api->authorization, sizeof api->authorization);
        free(api);
    }
}

// --- answers ------------------------------------------------------------------------------------

static void fail(struct daily_api *api, const char *remedy, const char *sentence)
{
    api->remedy = remedy;
    snprintf(api->problem, sizeof api->problem, "%s", sentence);
}

// Does an answer repeat the key, or the secret that was sent?
static bool tells_a_secret(const struct daily_api *api, const char *text)
{
    return strstr(text, api->authorization + sizeof AUTHORIZATION - 1) ||
           (api->secret && api->secret[0] && strstr(text, api->secret));
}

// Daily's errors are {"error", "info"}. Only a text of printable characters is shown.
static void append_reason(struct daily_api *api, const cJSON *tree)
{
    const char *info = json_text(tree, "info");
    info = info ? info : json_text(tree, "error");
    info = info && tells_a_secret(api, info) ? "(not shown: it repeats a secret)" : info;
    size_t len = strlen(api->problem), at = 0;
    char shown[SHOWN_BYTES];
    for (; info && info[at] && at + 1 < sizeof shown; at++) {
        shown[at] = info[at] >= ' ' && info[at] <= '~' ? info[at] : '?';
    }
    shown[at] = '\0';
    if (at > 0) {
        snprintf(api->problem + len, sizeof api->problem - len, ": %s", shown);
    }
}

static void judge_status(struct daily_api *api)
{
    static const struct {
        unsigned status;
        const char *sentence, *remedy;
    } KNOWN[] = {
        {401, "does not accept DAILY_API_KEY (401)",
         "take the key from the domain's page \"Developers\" in Daily's dashboard"},
        {403, "does not allow DAILY_API_KEY to do this (403)", "use a key of the domain's owner"},
        {404, "knows nothing there (404)",
         "check DAILY_API_URL, and that DAILY_API_KEY is of the domain that has the numbers"},
        {429, "is asked too often with this key (429)", "try again later"},
        {400, "refuses the request (400)", "see Daily's words"},
    };
    char sentence[64];
    for (size_t i = 0; i < sizeof KNOWN / sizeof KNOWN[0]; i++) {
        if (KNOWN[i].status == api->status) {
            fail(api, KNOWN[i].remedy, KNOWN[i].sentence);
            return;
        }
    }
    snprintf(sentence, sizeof sentence, "answers %u", api->status);
    fail(api, api->status >= 500 ? "try again later; see status.daily.co" : "check DAILY_API_URL",
         sentence);
}

static void take_retry_after(struct daily_api *api, struct bytes_view value)
{
    char text[16];
    view_copy(value, text, sizeof text);
    long seconds = strtol(text, NULL, 10); // a date gives at most a day of the month, which is fine
    api->retry_after_s = seconds > 0 && seconds <= RETRY_AFTER_S_MAX ? (unsigned)seconds : 0;
}

// The members of `document` are not used: they pointed into a text that is gone.
static const char *parse(struct json_document *document, struct bytes_view body)
{
    struct bytes wrapped;
    size_t blanks = 0;
    while (blanks < body.len && strchr(" \t\r\n", body.data[blanks])) {
        blanks++;
    }
    bool is_list = blanks < body.len && body.data[blanks] == '[';
    bytes_init(&wrapped, body.len + 32);
    bytes_append_text(&wrapped, is_list ? "{\"" DAILY_API_LIST "\":" : "");
    bytes_append_view(&wrapped, body);
    bytes_append_text(&wrapped, is_list ? "}" : "");
    const char *flaw = json_parse(document, bytes_view(&wrapped));
    document->member_count = 0;
    memory_wipe(wrapped.data, wrapped.len);
    bytes_release(&wrapped);
    return flaw;
}

static void on_answer(const struct http_answer *answer, void *arg)
{
    struct daily_api *api = arg;
    struct json_document document = {0};
    const char *flaw = NULL;
    api->status = answer->status;
    take_retry_after(api, answer->retry_after);
    if (answer->outcome != HTTP_ANSWERED) {
        char sentence[400];
        snprintf(sentence, sizeof sentence, "%s: %s",
                 answer->outcome == HTTP_NOT_SENT ? "cannot be reached" : "does not answer",
                 answer->error ? answer->error : "no reason was given");
        fail(api, "check DAILY_API_URL, the network, and DAILY_CA_FILE if it is set", sentence);
    } else if (answer->body_is_cut) {
        api->is_cut = true;
        fail(api, "try again", "sends an answer that is too long or broken off");
    } else if ((flaw = parse(&document, answer->body)) && answer->status < 300) {
        fail(api, "check DAILY_API_URL", "sends something else than a JSON object");
    } else if (answer->status < 200 || answer->status >= 300) {
        judge_status(api);
        append_reason(api, flaw ? NULL : document.tree);
    } else {
        api->tree = document.tree;
        document.tree = NULL;
    }
    cJSON_Delete(document.tree);
    loop_stop(api->loop);
}

cJSON *daily_api_ask(struct daily_api *api, const char *method, const char *path, const cJSON *body)
{
    char url[URL_BYTES_MAX + 1];
    struct bytes text;
    const char *const headers[] = {api->authorization, "Content-Type: application/json", NULL};
    bytes_init(&text, BODY_BYTES_MAX);
    snprintf(url, sizeof url, "%s%s", api->url, path);
    api->tree = NULL;
    api->problem[0] = '\0';
    api->status = api->retry_after_s = 0;
    api->is_cut = false;
    api->secret = json_text(body, "hmac");
    api->questions++;
    if (body && !json_print(body, &text)) {
        fail(api, "", "would be sent more than it takes");
    } else {
        const struct http_post post = {.method = method,
                                       .url = url,
                                       .headers = headers,
                                       .body = bytes_view(&text),
                                       .timeout_ms = DAILY_API_TIMEOUT_MS};
        http_client_post(api->client, &post, on_answer, api);
        loop_run(api->loop);
    }
    api->secret = NULL;
    memory_wipe(text.data, text.len);
    bytes_release(&text);
    return api->tree;
}

const char *daily_api_problem(const struct daily_api *api)
{
    return api->problem;
}

const char *daily_api_remedy(const struct daily_api *api)
{
    return api->remedy ? api->remedy : "";
}

void daily_api_note(struct daily_api *api, const char *problem)
{
    if (!api->problem[0]) {
        fail(api, "see Daily's documentation of domain-dialin-config", problem);
    }
}

bool daily_api_was_cut(const struct daily_api *api)
{
    return api->is_cut;
}

unsigned daily_api_status(const struct daily_api *api)
{
    return api->status;
}

unsigned daily_api_retry_after_s(const struct daily_api *api)
{
    return api->retry_after_s;
}

uint64_t daily_api_questions(const struct daily_api *api)
{
    return api->questions;
}
