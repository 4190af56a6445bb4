// doctor --number … --url …: the change at Daily; it is made only with --yes.
#include "doctor.h"

#include "audit_daily.h"
#include "daily_change.h"

#include <stdio.h>

static const char LOST_SECRET[] =
    "take it up at once: dialin-audit secrets --from-daily --output FILE";

static void plan(const struct daily_number *number, const char *name, const char *url,
                 struct findings *findings)
{
    const char *now = daily_number_text(number, "room_creation_api");
    findings_note(findings, name,
                  "would call %.300s instead of %.300s; its secret and all else stay. Do it with "
                  "--yes",
                  url, now[0] ? now : "nobody");
}

static void report(enum daily_change_result result, const struct daily_api *api, const char *name,
                   const char *url, const char *differs, struct findings *findings)
{
    switch (result) {
    case DAILY_CHANGED:
        findings_fine(findings, name, "calls %.400s; its secret and all else are as before", url);
        break;
    case DAILY_NO_SECRET:
        findings_wrong(
            findings, name, "change it in Daily's dashboard, and take up its new secret",
            "nothing was changed: Daily does not show its secret, and would give it a new "
            "one");
        break;
    case DAILY_FAILED:
        findings_wrong(findings, name, daily_api_remedy(api), "was not changed: Daily %s",
                       daily_api_problem(api));
        break;
    case DAILY_UNKNOWN:
        findings_wrong(findings, name, "run this command again: it reads what Daily has now",
                       "may have been changed or not: Daily %s", daily_api_problem(api));
        break;
    case DAILY_NO_NUMBER:
        findings_wrong(
            findings, name, "change it in Daily's dashboard, with its secret",
            "nothing was changed: its %s has a number too large to be sent back as it is", differs);
        break;
    case DAILY_DIFFERS:
        findings_wrong(findings, name, "run dialin-audit doctor, and see Daily's dashboard",
                       "was changed, but Daily has another %s than was sent", differs);
        break;
    case DAILY_NEW_SECRET:
        findings_wrong(findings, name, LOST_SECRET,
                       "was changed, and Daily gave it a new secret although the old one was sent");
        break;
    }
}

static void change(struct daily_api *api, const struct daily_number *number, const char *name,
                   const char *url, struct findings *findings)
{
    char differs[DAILY_MEMBER_BYTES] = "";
    enum daily_change_result result = daily_change(api, number, url, differs);
    report(result, api, name, url, differs, findings);
}

static void configure(struct daily_api *api, const struct options *options, const char *name,
                      struct findings *findings)
{
    if (!options->yes) {
        findings_note(findings, name,
                      "is not configured for dial-in: would be, to call %.300s, with a secret that "
                      "Daily makes. Do it with --yes",
                      options->url);
        return;
    }
    enum daily_change_result result = daily_configure(api, name, options->url);
    if (result == DAILY_CHANGED) {
        findings_fine(findings, name,
                      "is configured, and calls %.300s; now take up its secret: "
                      "dialin-audit secrets --from-daily --output FILE",
                      options->url);
    } else if (result == DAILY_UNKNOWN) {
        findings_wrong(findings, name, "run this command again: it reads what Daily has now",
                       "may have been configured or not: Daily %s", daily_api_problem(api));
    } else {
        findings_wrong(findings, name, daily_api_remedy(api), "was not configured: Daily %s",
                       daily_api_problem(api));
    }
}

void doctor_change(const struct audit *audit, struct findings *findings)
{
    const struct options *options = audit->options;
    struct daily_numbers numbers;
    struct phone_number wanted;
    char name[DAILY_NAME_BYTES];
    struct daily_api *api = audit_daily_open(audit, findings);
    if (!api) {
        return;
    }
    if (!daily_numbers_read(&numbers, api)) {
        findings_wrong(findings, "Daily", daily_api_remedy(api), "%s", daily_api_problem(api));
        daily_api_close(api);
        return;
    }
    const struct daily_number *number = daily_numbers_find(&numbers, options->number);
    phone_number_read(&wanted, view_of_text(options->number)); // as options has checked
    if (number) {
        daily_number_name(number, name);
    } else {
        snprintf(name, sizeof name, "%s%s", wanted.is_address ? "sip:" : "+",
                 wanted.is_address ? wanted.address : wanted.digits);
    }
    if (!number && wanted.is_address) {
        findings_wrong(findings, name, "make it in Daily's dashboard first",
                       "Daily has no such SIP address");
    } else if (!number) {
        configure(api, options, name, findings);
    } else if (!number->id[0]) {
        findings_wrong(findings, name, "change it in Daily's dashboard, with its secret",
                       "stands in the domain's own configuration, which this tool does not change");
    } else if (options->yes) {
        change(api, number, name, options->url, findings);
    } else {
        plan(number, name, options->url, findings);
    }
    daily_numbers_release(&numbers);
    daily_api_close(api);
}
