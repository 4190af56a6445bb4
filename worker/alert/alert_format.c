// See alert_format.h. The paths and limits stand in the documentation of Discord (Execute Webhook),
// of Microsoft (Workflows in Teams), and in the source of ntfy (a topic is the whole path).
#include "alert_format.h"

#include "json.h"
#include "route.h"

#include <string.h>

#define TOPIC_BYTES_MAX 64
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

static bool skip(const char **at, const char *text)
{
    size_t len = strlen(text);
    bool begins = !strncmp(*at, text, len);
    *at += begins ? len : 0;
    return begins;
}

static bool skip_any(const char **at, const char *characters)
{
    size_t len = strspn(*at, characters);
    *at += len;
    return len > 0;
}

static bool is_end(const char *at)
{
    return *at == '\0' || *at == '?' || *at == '#';
}

// /api[/v10]/webhooks/<id>/<token>, without a further part: with /slack it takes the body of Slack.
static bool is_discord(const char *path)
{
    if (!skip(&path, "/api/")) {
        return false;
    }
    if (*path == 'v' && !(skip(&path, "v") && skip_any(&path, DIGITS) && skip(&path, "/"))) {
        return false;
    }
    return skip(&path, "webhooks/") && skip_any(&path, DIGITS) && skip(&path, "/") &&
           skip_any(&path, LETTERS DIGITS "-_") && is_end(path);
}

static bool is_teams(const char *path)
{
    static const char INVOKE[] = "/triggers/manual/paths/invoke";
    const char *found = strstr(path, INVOKE);
    return found && found < path + strcspn(path, "?#") && is_end(found + sizeof INVOKE - 1);
}

// A topic, unless the query has a template of its own.
static bool is_ntfy(const char *path)
{
    const char *topic = path;
    return skip(&topic, "/") && strspn(topic, LETTERS DIGITS "-_") <= TOPIC_BYTES_MAX &&
           skip_any(&topic, LETTERS DIGITS "-_") && is_end(topic) && !strstr(topic, "tpl=") &&
           !strstr(topic, "template=");
}

enum alert_format alert_format_of(const char *url)
{
    struct bytes_view host = route_url_host(url);
    const char *path = host.data + host.len;
    return is_discord(path) ? ALERT_FORMAT_DISCORD
           : is_teams(path) ? ALERT_FORMAT_TEAMS
           : is_ntfy(path)  ? ALERT_FORMAT_NTFY
                            : ALERT_FORMAT_TEXT;
}

const char *const *alert_format_headers(enum alert_format format)
{
#define JSON_HEADERS "Content-Type: application/json", "User-Agent: dialin/" DIALIN_VERSION
    static const char *const PLAIN[] = {JSON_HEADERS, NULL};
    static const char *const NTFY[] = {JSON_HEADERS, "X-Title: dialin", "X-Template: yes",
                                       "X-Message: {{.text}}", NULL};
#undef JSON_HEADERS
    return format == ALERT_FORMAT_NTFY ? NTFY : PLAIN;
}

bool alert_format_write(enum alert_format format, struct bytes_view text, struct bytes *body)
{
    static const char *const AROUND[][2] = {
        [ALERT_FORMAT_TEXT] = {"{\"text\":", "}"},
        [ALERT_FORMAT_DISCORD] = {"{\"content\":", "}"},
        [ALERT_FORMAT_TEAMS] =
            {"{\"type\":\"message\",\"attachments\":[{\"contentType\":"
             "\"application/vnd.microsoft.card.adaptive\",\"contentUrl\":null,\"content\":{"
             "\"$schema\":\"http://adaptivecards.io/schemas/adaptive-card.json\","
             "\"type\":\"AdaptiveCard\",\"version\":\"1.2\",\"body\":[{\"type\":\"TextBlock\","
             "\"wrap\":true,\"text\":",
             "}]}}]}"},
        [ALERT_FORMAT_NTFY] = {"{\"text\":", "}"},
    };
    return bytes_append_text(body, AROUND[format][0]) && json_append_text(body, text) &&
           bytes_append_text(body, AROUND[format][1]);
}
