// Daily's API as this environment has it.
#ifndef DIALIN_AUDIT_DAILY_H
#define DIALIN_AUDIT_DAILY_H

#include "command.h"
#include "daily_api.h"
#include "findings.h"

// Returns NULL, after adding a finding, if DAILY_API_KEY or DAILY_API_URL cannot be used.
struct daily_api *audit_daily_open(const struct audit *audit, struct findings *findings);

#endif
