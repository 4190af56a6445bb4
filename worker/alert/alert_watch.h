// Finds in readings of the queue if an operator is to be told: the conditions of the first rules of
// common/ship/prometheus/alerts.yml, with the same bounds. Knows since when each holds, and how
// much was told already, by this worker or by another. Pure.
//
// An event (a lost caller, a refused webhook) is told once; a state (callers will be lost, an agent
// fails) is told as long as it holds. Events before the first reading are old, and never told.
#ifndef DIALIN_ALERT_WATCH_H
#define DIALIN_ALERT_WATCH_H

#include "route.h"
#include "snapshot.h"

// name in C, name in the key in Redis
#define ALERT_KIND_TABLE(X)                                                                        \
    X(ALERT_WEBHOOKS_REFUSED, "webhooks_refused")                                                  \
    X(ALERT_CALLERS_LOST, "callers_lost")                                                          \
    X(ALERT_CALLERS_WILL_BE_LOST, "callers_will_be_lost")                                          \
    X(ALERT_SERVICE_LEVEL_LOW, "service_level_low")                                                \
    X(ALERT_AGENT_REJECTS_US, "agent_rejects_us")                                                  \
    X(ALERT_AGENT_FAILS, "agent_fails")                                                            \
    X(ALERT_OUTCOMES_UNKNOWN, "outcomes_unknown")                                                  \
    X(ALERT_CALLS_REJECTED, "calls_rejected")                                                      \
    X(ALERT_NEVER_CONNECTED, "never_connected")

enum alert_kind {
#define ALERT_KIND(name, text) name,
    ALERT_KIND_TABLE(ALERT_KIND)
#undef ALERT_KIND
        ALERT_KIND_COUNT
};
const char *alert_kind_name(enum alert_kind kind);

#define ALERT_OLDEST_MS 60000   // who has waited for longer will be lost
#define ALERT_FORECAST_MS 10000 // so long must a forecast hold
#define ALERT_SERVICE_PERCENT 80
#define ALERT_SERVICE_MINUTES 15   // of whose callers so many must be served in time
#define ALERT_SERVICE_MS 300000    // so long must a low service level hold
#define ALERT_FAILURES_MAX 4       // of an agent, within ALERT_ATTEMPTS_MS: more are told
#define ALERT_ATTEMPTS_MS 120000   // older failures and rejections are not told
#define ALERT_UNKNOWN_MS 900000    // the same of requests without an answer
#define ALERT_READING_GAP_MS 15000 // after such a gap between two readings a state begins anew
#define ALERT_SOURCES_MS 2000      // between two looks at the counters of programs
#define ALERT_AGENTS_TOLD_MAX 5

struct alert_agent {
    char name[ROUTE_AGENT_BYTES_MAX + 1];
    uint64_t count;     // attempts; or who waits
    uint64_t lost;      // of those who wait, by the forecast
    uint64_t oldest_ms; // how long the first has waited
};

// All that the sentence about one kind says.
struct alert_facts {
    uint64_t mark;             // alert_watch_told takes it
    uint64_t count;            // of all agents
    uint64_t served, offered;  // service level
    uint64_t since_ms, now_ms; // by Redis' clock
    size_t agent_count, agents_left_out;
    struct alert_agent agents[ALERT_AGENTS_TOLD_MAX];
};

struct alert_watch;
struct alert_watch *alert_watch_open(void);
void alert_watch_close(struct alert_watch *watch);

// Takes a reading, with the programs and a sample of ALERT_SERVICE_MINUTES ago.
void alert_watch_take(struct alert_watch *watch, const struct snapshot *snapshot);

// Is there something to tell? Then `facts` are filled in.
bool alert_watch_is_due(const struct alert_watch *watch, enum alert_kind kind,
                        struct alert_facts *facts);

// Somebody has told all up to this mark: of counts in Redis how many, else when the newest event
// was.
void alert_watch_told(struct alert_watch *watch, enum alert_kind kind, uint64_t mark);

// Writes the sentences: the problem, how many, since when, the next step. `where` names the
// installation, if there may be several; "" if not. No number of a caller is in it.
void alert_text(enum alert_kind kind, const struct alert_facts *facts, const char *where,
                struct bytes *out);

#endif
