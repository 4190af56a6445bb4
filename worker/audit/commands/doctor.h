// The parts of dialin-audit doctor: each adds its findings.
#ifndef DIALIN_DOCTOR_H
#define DIALIN_DOCTOR_H

#include "command.h"
#include "findings.h"

#define DOCTOR_REFUSED_MAX 5                           // webhooks that were refused of late
#define DOCTOR_REFUSED_MS (24 * 3600 * UINT64_C(1000)) // so late

// Redis' record: programs and their spools, agents, the account, refused webhooks. The database is
// open.
void doctor_record(struct audit *audit, struct findings *findings);

// The agents of this environment and of ROUTES_FILE.
void doctor_agents(const struct audit *audit, struct findings *findings);

// The configuration of each number at Daily.
void doctor_daily(const struct audit *audit, struct findings *findings);

// The webhook for Daily's events. Daily has answered with `api` before.
struct daily_api;
void doctor_events(const struct audit *audit, struct daily_api *api, struct findings *findings);

// --number and --url.
void doctor_change(const struct audit *audit, struct findings *findings);

#endif
