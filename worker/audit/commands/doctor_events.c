// The webhook through which Daily posts its events to us. After three failures in a row Daily stops
// it by default, and nothing but its state at Daily says so.
#include "doctor.h"

#include "daily_event.h"
#include "daily_webhooks.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PATH "/api/daily-events"
#define URL_BYTES 256
#define SUBJECT "Daily's events"
#define NEEDED                                                                                     \
    "dialin." // types without which no caller's outcome is known; others are for dial-outs

static const char CURL[] = "curl -H \"Authorization: Bearer $DAILY_API_KEY\" -H 'Content-Type: "
                           "application/json' ";

// Our side, as far as it is known.
struct ours {
    const struct audit *audit;
    char url[URL_BYTES]; // where the events should go; "" without --url
    size_t origin_len;   // of it: https://host:port
};

// --url is the URL of the calls: its events are taken beside it.
static void find_our_url(struct ours *ours)
{
    static const char *const CALLS[] = {"/api/dial", "/daily-dialin-webhook"};
    const char *url = ours->audit->options->url;
    size_t len = url ? strlen(url) : 0;
    const char *slashes = url ? strstr(url, "://") : NULL;
    if (!slashes) {
        return;
    }
    ours->origin_len = (size_t)(slashes - url) + 3 + strcspn(slashes + 3, "/?#");
    size_t keep = ours->origin_len;
    for (size_t i = 0; i < sizeof CALLS / sizeof CALLS[0]; i++) { // behind a path of a proxy's
        size_t path_len = strlen(CALLS[i]);
        if (len >= path_len && !strcmp(url + len - path_len, CALLS[i])) {
            keep = len - path_len;
        }
    }
    snprintf(ours->url, sizeof ours->url, "%.*s" PATH, (int)keep, url);
}

static bool is_for_us(const struct ours *ours, const struct daily_webhook *webhook)
{
    size_t len = strlen(webhook->url), path_len = sizeof PATH - 1;
    return ours->url[0] ? !strcmp(webhook->url, ours->url)
                        : len > path_len && !strcmp(webhook->url + len - path_len, PATH);
}

// It goes between single quotes of a command that people copy.
static bool is_plain(const char *text)
{
    for (; *text; text++) {
        if (*text <= ' ' || *text > '~' || strchr("'\"\\", *text)) {
            return false;
        }
    }
    return true;
}

// --- the checks of a webhook --------------------------------------------------------------------

static void judge_state(const struct ours *ours, const struct daily_webhook *webhook,
                        struct findings *findings)
{
    char remedy[FINDING_REMEDY_BYTES] = "turn it on again in Daily's dashboard";
    const char *pushed = webhook->last_moment_pushed[0] ? webhook->last_moment_pushed : "unknown";
    if (is_plain(webhook->url)) {
        snprintf(remedy, sizeof remedy,
                 "%s-d '{\"url\":\"%.200s\",\"retryType\":\"exponential\"}' %.100s/webhooks/%.40s",
                 CURL, webhook->url, ours->audit->settings->daily_api_url, webhook->uuid);
    }
    switch (webhook->state) {
    case DAILY_WEBHOOK_FAILED:
    case DAILY_WEBHOOK_STOPPED:
        findings_wrong(
            findings, SUBJECT, remedy,
            "have stopped: %.200s is %s at Daily after %" PRIu64
            " failures in a row (the last event was pushed: %.40s); no event comes until "
            "it is turned on again",
            webhook->url, webhook->state == DAILY_WEBHOOK_FAILED ? "FAILED" : "STOPPED",
            webhook->failed_count, pushed);
        break;
    case DAILY_WEBHOOK_UNKNOWN:
        findings_note(findings, SUBJECT,
                      "go to %.200s, whose state \"%.40s\" Daily does not explain; the last event "
                      "was pushed: %.40s",
                      webhook->url, webhook->state_text, pushed);
        break;
    case DAILY_WEBHOOK_ACTIVE:
        findings_fine(findings, SUBJECT, "go to %.200s; the last was pushed: %.40s", webhook->url,
                      pushed);
        break;
    }
    if (webhook->state != DAILY_WEBHOOK_FAILED && webhook->failed_count > 0) {
        findings_note(findings, SUBJECT, "the last %" PRIu64 " answers of ours were not 200",
                      webhook->failed_count);
    }
    if (strcmp(webhook->retry_type, "exponential") != 0) {
        findings_note(findings, SUBJECT,
                      "three failures in a row stop them (retryType %.40s); \"exponential\" tries "
                      "again instead",
                      webhook->retry_type[0] ? webhook->retry_type : "circuit-breaker");
    }
}

static void append(char *text, size_t size, const char *type)
{
    size_t len = strlen(text);
    snprintf(text + len, size - len, "%s%s", len > 0 ? ", " : "", type);
}

static void judge_types(const struct daily_webhook *webhook, struct findings *findings)
{
    char needed[FINDING_REMEDY_BYTES / 2] = "", others[FINDING_REMEDY_BYTES / 2] = "";
    char remedy[FINDING_REMEDY_BYTES];
    const char *type;
    for (size_t i = 0; (type = daily_event_type(i)) != NULL; i++) {
        if (!daily_webhook_has_type(webhook, type)) {
            bool is_needed = !strncmp(type, NEEDED, sizeof NEEDED - 1);
            append(is_needed ? needed : others, sizeof needed, type);
        }
    }
    if (needed[0]) {
        snprintf(remedy, sizeof remedy,
                 "add them to its eventTypes, in Daily's dashboard or by "
                 "POST /webhooks/%.40s, which wants all of them",
                 webhook->uuid);
        findings_wrong(findings, SUBJECT, remedy, "lack %s: what became of callers is not known",
                       needed);
    }
    if (others[0]) {
        findings_note(findings, SUBJECT, "lack %s: needed only if you dial out", others);
    }
}

static void judge_secret(const struct ours *ours, const struct daily_webhook *webhook,
                         struct findings *findings)
{
    const struct signature_secrets *secrets = ours->audit->settings->of_events;
    if (!webhook->hmac[0]) {
        findings_note(findings, SUBJECT, "their secret is not checked: Daily does not show it");
    } else if (!secrets) {
        findings_note(findings, SUBJECT,
                      "their secret is not checked: set DAILY_WEBHOOK_SECRET here as the ingress "
                      "has it");
    } else if (!signature_secrets_have(secrets, webhook->hmac)) {
        findings_wrong(findings, SUBJECT, "set DAILY_WEBHOOK_SECRET to the webhook's hmac",
                       "their secret at Daily is not ours: each is refused, and three stop them");
    } else {
        findings_fine(findings, SUBJECT, "their secret is ours");
    }
}

// --- none for us --------------------------------------------------------------------------------

static void report_none(const struct ours *ours, struct findings *findings)
{
    char remedy[FINDING_REMEDY_BYTES];
    const char *url = ours->url[0] ? ours->url : "https://YOUR_HOST" PATH;
    if (!ours->audit->settings->of_events) {
        findings_note(
            findings, SUBJECT,
            "none comes: Daily has no webhook for %.200s, and DAILY_WEBHOOK_SECRET is not "
            "set here",
            url);
        return;
    }
    snprintf(remedy, sizeof remedy,
             "%s-d '{\"url\":\"%.150s\",\"retryType\":\"exponential\",\"hmac\":\"'\"$DAILY_WEBHOOK_"
             "SECRET\"'\",\"eventTypes\":[\"dialin.connected\",\"dialin.stopped\",\"dialin.error\"]"
             "}' %.100s/webhooks",
             CURL, url, ours->audit->settings->daily_api_url);
    findings_wrong(findings, SUBJECT, is_plain(url) ? remedy : "make one in Daily's dashboard",
                   "none comes: DAILY_WEBHOOK_SECRET is set, and Daily has no webhook for %.200s",
                   url);
}

void doctor_events(const struct audit *audit, struct daily_api *api, struct findings *findings)
{
    struct daily_webhooks webhooks;
    struct ours ours = {.audit = audit};
    size_t count = 0;
    find_our_url(&ours);
    if (!daily_webhooks_read(&webhooks, api)) {
        findings_note(findings, SUBJECT, "not checked: Daily %s", daily_api_problem(api));
        return;
    }
    for (size_t i = 0; i < webhooks.count; i++) {
        const struct daily_webhook *webhook = &webhooks.list[i];
        if (is_for_us(&ours, webhook)) {
            count++;
            judge_state(&ours, webhook, findings);
            judge_types(webhook, findings);
            judge_secret(&ours, webhook, findings);
        }
    }
    if (count == 0) {
        report_none(&ours, findings);
    }
    daily_webhooks_release(&webhooks);
}
