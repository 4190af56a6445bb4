// See audit_daily.h.
#include "audit_daily.h"

struct daily_api *audit_daily_open(const struct audit *audit, struct findings *findings)
{
    char problem[DAILY_API_PROBLEM_BYTES];
    const struct daily_api_settings settings = {.url = audit->settings->daily_api_url,
                                                .key = audit->settings->daily_api_key,
                                                .ca_file = audit->settings->daily_ca_file};
    struct daily_api *api = daily_api_open(&settings, problem);
    if (!api) {
        findings_wrong(findings, "Daily", "set it right", "%s", problem);
    }
    return api;
}
