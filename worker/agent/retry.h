// The answer of /start to a decision: CONTRACT's table "Decide". Pure: time and chance come in.
#ifndef DIALIN_RETRY_H
#define DIALIN_RETRY_H

#include "bytes.h"

#include <stdbool.h>
#include <stdint.h>

#define RETRY_AFTER_MS_MAX 10000 // however long Retry-After says
#define RETRY_BACKOFF_MS_MIN 250
#define RETRY_BACKOFF_MS_MAX 5000 // after 408, 425, 5xx, no connection, timeout
#define RETRY_LINE_MS_MAX 2000    // the same for a call that has come to stand in line
#define RETRY_CONFIGURATION_MS 5000
#define RETRY_FAILURES_MAX 5 // in a row; then the call waits in line as after a 429

enum retry_decision {
    RETRY_STARTED,       // 2xx
    RETRY_FULL,          // 429: the agent is full, the call waits in line
    RETRY_FAILED,        // 408, 425, 5xx, no connection, timeout: again by itself
    RETRY_LINE,          // as RETRY_FAILED, but RETRY_FAILURES_MAX in a row: the agent's calls
                         // stand in line, and this one asks again after its turn
    RETRY_CONFIGURATION, // 401, 402, 403, 404, 3xx: our configuration is wrong, not the call
    RETRY_CUT, // no answer by the end of the caller's hold: the call is over, and the agent may be
               // well
    RETRY_OWN_FAULT, // nothing was sent, by our own doing: again soon, and no failure of the agent
    RETRY_REJECTED,  // 400, 422, other 4xx: about this call, perhaps; Redis counts, and decides
                     // (worker/line/rejecting.lua)
    RETRY_TOO_LARGE, // 413: the same request would be too large again
};

struct retry_situation {
    unsigned status;               // 0: no answer
    struct bytes_view body;        // of the answer; Pipecat Cloud names a code in it
    struct bytes_view retry_after; // the header as sent; empty if absent
    uint64_t wall_s;               // Unix time, for a Retry-After that is a date
    unsigned failures;             // in a row before this one (RETRY_FAILED or RETRY_LINE)
    bool is_hold_over;             // the caller's hold has ended
    bool is_own_fault;             // nothing was sent, and the agent is not to blame
    uint32_t chance;               // uniformly random, for the jitter
};

struct retry_delay {
    uint64_t backoff_ms; // of RETRY_FAILED and RETRY_LINE: this call does not ask again before
    uint64_t
        retry_after_ms; // how long nobody of the agent's line may ask; 0: at the line's own pace
};

enum retry_decision retry_decide(const struct retry_situation *situation,
                                 struct retry_delay *delay);

// Retry-After in milliseconds, capped at RETRY_AFTER_MS_MAX: seconds or an HTTP date (RFC 9110,
// 10.2.3). Returns false if it is absent, negative or nonsense.
bool retry_after_parse(struct bytes_view value, uint64_t wall_s, uint64_t *after_ms);

#endif
