// The counters of all programs, as they tell of them in their status (program_status.h): refused
// webhooks of each ingress, attempts of each worker that went wrong. Gives how much they grew since
// the last reading. Pure.
#ifndef DIALIN_ALERT_SOURCES_H
#define DIALIN_ALERT_SOURCES_H

#include "route.h"
#include "snapshot.h"

#define ALERT_PROGRAMS_MAX 128 // then the one that was not seen for longest is forgotten

enum alert_attempt {
    ALERT_ATTEMPT_FAILED,
    ALERT_ATTEMPT_UNKNOWN,
    ALERT_ATTEMPT_MISCONFIGURED,
    ALERT_ATTEMPT_KINDS,
};

struct alert_growth {
    uint64_t at_ms; // when the program wrote it, by Redis' clock
    const char *agent;
    uint64_t refused; // webhooks; then there is no agent
    uint64_t attempts[ALERT_ATTEMPT_KINDS];
};

struct alert_sources;
struct alert_sources *alert_sources_open(void);
void alert_sources_close(struct alert_sources *sources);

// Calls back for each counter that grew. Whatever a program had counted before the first reading
// is old, and no growth; of a program that started later, all of it is new. The growth is borrowed
// for the callback.
typedef void alert_sources_on_growth(const struct alert_growth *growth, void *arg);
void alert_sources_take(struct alert_sources *sources, const struct snapshot *snapshot,
                        alert_sources_on_growth *on_growth, void *arg);

#endif
