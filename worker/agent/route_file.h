// Routes by number: the JSON of a routes file, and which of its routes takes a call. The first that
// matches wins; what it leaves out comes from the environment, and so does the agent of a call that
// none matches. Pure: who reads the file, and where keys come from, is somebody else.
//
//   {"routes": [{"to": "+1415*", "from": "*", "sip_header": {"X-Tenant": "acme"},
//                "agent": "sales", "start_url": "https://…", "api_key_env": "SALES_KEY",
//                "max_in_flight": 20, "hold_limit_s": 60, "body": {…}, "room": {…}}]}
#ifndef DIALIN_ROUTE_FILE_H
#define DIALIN_ROUTE_FILE_H

#include "bytes.h"
#include "json.h"
#include "route.h"

#include <stdbool.h>
#include <stdint.h>

#define ROUTE_FILE_BYTES_MAX (1024 * 1024)
#define ROUTE_FILE_ROUTES_MAX 1000
#define ROUTE_FILE_HEADERS_MAX 8 // that one route asks for
#define ROUTE_FILE_IN_FLIGHT_MAX 65536
#define ROUTE_FILE_HOLD_S_MAX 3600

// A number or a header's value: exactly this text, or what it begins with where it ends in `*`.
struct route_pattern {
    const char *name; // of the SIP header, compared without its case; NULL: of a number
    char *text;       // NULL: anything
};

struct route_rule {
    struct route_pattern to, from, headers[ROUTE_FILE_HEADERS_MAX];
    size_t header_count;
    struct route route;                // its agent is empty where the environment's takes the call
    uint64_t max_in_flight;            // 0: as the environment has it
    uint64_t hold_limit_s;             // 0: likewise
    struct json_document *body, *room; // NULL: nothing is merged in
    cJSON *tree;                       // owns the names and values above
    char *texts[2];                    // of body and room, which these documents point into
};

struct route_file {
    struct route_rule *rules;
    size_t count;
};

// The value of the environment variable that holds a route's key; NULL: it is not set.
typedef const char *route_key_of(const char *variable, void *arg);

// Reads a whole file. False, with "line N: …" in `problem`, where it is refused; then `file` is
// empty. Keys are borrowed from `key_of`; the rest is owned until route_file_release.
bool route_file_parse(struct route_file *file, struct bytes_view text, route_key_of *key_of,
                      void *arg, struct bytes *problem);
void route_file_release(struct route_file *file);

// The first rule that matches a webhook (as json_parse gives it), or NULL.
const struct route_rule *route_file_choose(const struct route_file *file, const cJSON *webhook);

#endif
