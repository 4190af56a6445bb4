// The numbers as Daily has them configured; needs DAILY_API_KEY.
#include "doctor.h"

#include "audit_daily.h"
#include "daily_change.h"
#include "loop.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char CONFIGURE_SAFELY[] =
    "dialin-audit doctor --number … --url … --yes points it there and keeps its secret";

// --- the checks of a number ---------------------------------------------------------------------

static void judge_url(const struct audit *audit, const struct daily_number *number,
                      const char *subject, struct findings *findings)
{
    const char *url = daily_number_text(number, "room_creation_api");
    const char *wanted = audit->options->url;
    if (!url[0]) {
        findings_wrong(findings, subject, CONFIGURE_SAFELY,
                       "has no room_creation_api: Daily calls nobody");
    } else if (!wanted) {
        findings_note(findings, subject, "calls %.400s (not checked: give --url)", url);
    } else if (strcmp(url, wanted) != 0) {
        findings_wrong(findings, subject, CONFIGURE_SAFELY, "calls %.300s, not %.300s", url,
                       wanted);
    } else {
        findings_fine(findings, subject, "calls %.400s", url);
    }
}

// Would the ingress take a webhook that this secret has signed for this number?
static bool is_ours(const struct signature_secrets *secrets, const char *secret, const char *name)
{
    char signature[SIGNATURE_TEXT_BYTES + 1], timestamp[24];
    struct signature_match match;
    struct bytes body;
    uint64_t now_ms = loop_wall_ms();
    bytes_init(&body, DAILY_NAME_BYTES + 32);
    bytes_printf(&body, "{\"To\":\"%s\"}", name);
    snprintf(timestamp, sizeof timestamp, "%" PRIu64, now_ms);
    bool is_good = signature_sign(secret, view_of_text(timestamp), bytes_view(&body), signature) &&
                   signature_check(secrets, view_of_text(timestamp), view_of_text(signature),
                                   bytes_view(&body), now_ms, &match) == SIGNATURE_GOOD &&
                   signature_allows(secrets, &match, name);
    bytes_release(&body);
    return is_good;
}

static void judge_secret(const struct audit *audit, const struct daily_number *number,
                         const char *name, const char *subject, struct findings *findings)
{
    const char *secret = daily_number_text(number, "hmac");
    const struct signature_secrets *secrets = audit->settings->signatures;
    if (!secret[0]) {
        findings_note(findings, subject, "its secret is not checked: Daily does not show it");
    } else if (!secrets) {
        findings_note(
            findings, subject,
            "its secret is not checked: set PINLESS_HMAC_SECRET here as the ingress has it");
    } else if (!is_ours(secrets, secret, name)) {
        findings_wrong(
            findings, subject,
            "dialin-audit secrets --from-daily --output FILE, and PINLESS_HMAC_SECRET_FILE",
            "its secret at Daily is not among ours: every caller of it is refused");
    } else {
        findings_fine(findings, subject, "its secret is one of ours");
    }
}

static void note_hold(const struct audit *audit, const struct daily_number *number,
                      const char *subject, struct findings *findings)
{
    const char *music = daily_number_text(number, "hold_music_url");
    struct bytes timeout;
    const cJSON *config = cJSON_GetObjectItemCaseSensitive(number->config, "timeout_config");
    bytes_init(&timeout, 2048);
    if (!config || !json_print(config, &timeout)) {
        bytes_append_text(&timeout, config ? "too long to show" : "none");
    }
    findings_note(findings, subject,
                  "hold_music_url: %.250s; timeout_config: %.200s; twice the music's length must "
                  "exceed HOLD_LIMIT_S + HOLD_GRACE_S (%" PRIu64 " s); not checked",
                  music[0] ? music : "none", bytes_text(&timeout),
                  audit->settings->hold_limit_s + audit->settings->hold_grace_s);
    bytes_release(&timeout);
}

static void judge_number(const struct audit *audit, const struct daily_number *number,
                         struct findings *findings)
{
    char name[DAILY_NAME_BYTES], subject[FINDING_SUBJECT_BYTES];
    daily_number_name(number, name);
    snprintf(subject, sizeof subject, "%.90s", name[0] ? name : number->id);
    judge_url(audit, number, subject, findings);
    judge_secret(audit, number, name, subject, findings);
    note_hold(audit, number, subject, findings);
}

void doctor_daily(const struct audit *audit, struct findings *findings)
{
    struct daily_numbers numbers;
    if (!audit->settings->daily_api_key) {
        findings_note(findings, "Daily", "not asked: DAILY_API_KEY is not set");
        return;
    }
    struct daily_api *api = audit_daily_open(audit, findings);
    if (!api) {
        return;
    }
    bool is_read = daily_numbers_read(&numbers, api);
    if (!is_read) {
        findings_wrong(findings, "Daily", daily_api_remedy(api), "%s", daily_api_problem(api));
    } else if (numbers.count == 0) {
        findings_wrong(findings, "Daily", "doctor --number … --url … --yes configures a number",
                       "no number of this domain is configured for dial-in");
    }
    for (size_t i = 0; i < numbers.count; i++) {
        judge_number(audit, &numbers.list[i], findings);
    }
    if (is_read) {
        doctor_events(audit, api, findings);
    }
    daily_numbers_release(&numbers);
    daily_api_close(api);
}
