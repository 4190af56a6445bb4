// Tells people by ALERT_URL of the conditions in alert_watch.h: one POST (alert_format.h) for a
// kind and ALERTS_EVERY_MS over all workers, by a key in Redis. A worker that cannot send gives the
// kind back after ALERTS_FAILED_MS, so that another one tries. Nothing here makes a call wait: the
// client is one of its own, and no more than one message of a kind is out.
#ifndef DIALIN_ALERTS_H
#define DIALIN_ALERTS_H

#include "alert_watch.h"
#include "http_authorities.h"
#include "loop.h"
#include "metrics.h"
#include "redis.h"

#define ALERTS_EVERY_MS 300000
#define ALERTS_FAILED_MS 60000     // after a failure nobody tries for so long
#define ALERTS_CLAIM_MS 30000      // a worker that died while it sent has the kind no longer
#define ALERTS_LOOK_MS 3000        // so long until a kind that another has is looked at again
#define ALERTS_TIMEOUT_MS 5000     // of a request
#define ALERTS_RETRY_MS 1000       // from a failed request to the second, which is the last
#define ALERTS_TEXT_BYTES_MAX 2000 // Discord takes no more characters

struct alerts_settings {
    const char *url; // ALERT_URL; copied; NULL: nobody is told, and nothing is watched
    struct http_authorities *authorities; // of ALERT_CA_FILE; kept; NULL: libcurl's own
    const char *prefix;                   // REDIS_PREFIX; borrowed until alerts_close
};

struct alerts;

// Loop, connection and metrics are borrowed.
struct alerts *alerts_open(struct loop *loop, struct redis *redis,
                           const struct alerts_settings *settings, struct metrics *metrics);

// From now on this URL is told. Events of the time without a URL are not told.
void alerts_reload(struct alerts *alerts, const struct alerts_settings *settings);

// Is anything to be watched? Else readings need no programs and no sample.
bool alerts_are_wanted(const struct alerts *alerts);

void alerts_take(struct alerts *alerts, const struct snapshot *snapshot);

void alerts_stop(struct alerts *alerts);  // no further message; those that are out go on
void alerts_close(struct alerts *alerts); // after the connection; breaks off messages

#endif
