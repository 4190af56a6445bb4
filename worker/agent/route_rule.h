// One route of a routes file: which calls it takes and what it does with them. Plain data; owned by
// the file that it was read from.
#ifndef DIALIN_ROUTE_RULE_H
#define DIALIN_ROUTE_RULE_H

#include "json.h"
#include "route_agent.h"
#include "route_hours.h"
#include "route_pattern.h"

#define ROUTE_NAME_BYTES_MAX 64
#define ROUTE_HEADERS_MAX 8
#define ROUTE_OVERFLOW_MAX 8
#define ROUTE_HOLD_S_MAX 3600
#define ROUTE_PRIORITY_S_MAX 600
#define ROUTE_CALLER_ID_BYTES_MAX 128
#define ROUTE_SECRET_BYTES_MIN 24 // as Standard Webhooks has it
#define ROUTE_SECRET_BYTES_MAX 64
#define ROUTE_DIGEST_BYTES 17 // 16 hex digits and a NUL

struct route_header {
    const char *name; // compared without its case
    const char *text;
    bool is_prefix;
};

struct route_lookup {
    const char *url; // NULL: no lookup
    unsigned char secret[ROUTE_SECRET_BYTES_MAX];
    size_t secret_len;
    const char *secret_text; // as the environment has it, to be redacted
    uint64_t timeout_ms;
    bool is_required;
};

struct route_step {
    uint64_t after_s;
    bool is_by_forecast; // instead of after_s: as soon as this call would be lost
    const struct route_agent *agent;
};

struct route_callback {
    uint64_t within_s; // 0: nobody is called back
    struct route_patterns to;
    const char *caller_id; // NULL: none
};

struct route_rule {
    const char *name;
    struct route_patterns to, from;
    size_t header_count;
    struct route_hours hours;
    uint64_t share; // per cent of the calls that match
    struct route_header headers[ROUTE_HEADERS_MAX];

    const struct route_agent *agent; // NULL: the environment's
    uint64_t hold_limit_s;           // 0: the environment's
    uint64_t priority_s;
    uint64_t limit_calls, limit_within_s; // per caller; 0: no limit
    struct json_document *body, *room;    // NULL: nothing is merged in
    struct route_lookup lookup;
    struct route_step overflow[ROUTE_OVERFLOW_MAX];
    size_t overflow_count;
    struct route_callback callback;
    bool is_declined;

    char digest[ROUTE_DIGEST_BYTES]; // of the definition
};

// Reads one route. The table of agents is in reader->context, and gets the agents that the route
// defines.
bool route_rule_read(struct route_reader *reader, const struct route_value *value,
                     struct route_rule *rule);

#endif
