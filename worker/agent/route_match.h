// Which route takes a call, and why those before it do not.
#ifndef DIALIN_ROUTE_MATCH_H
#define DIALIN_ROUTE_MATCH_H

#include "route_file.h"

// A call, made ready to be compared with many routes.
struct route_subject {
    struct phone_number to, from;
    const cJSON *headers; // sipHeaders of the webhook, or NULL; borrowed
    char call_id[129];    // the original's: without ~r1, ~cb
    uint64_t received_ms;
};

// `webhook` is the tree of the webhook's JSON; it must outlive the subject.
void route_subject_set(struct route_subject *subject, const cJSON *webhook,
                       struct bytes_view call_id, uint64_t received_ms);

// The part of the route that this call does not meet ("to", "from", "sip_header", "hours",
// "share"); NULL if the route takes the call.
const char *route_mismatch(const struct route_rule *rule, const struct route_subject *subject);

// The first route that takes the call, or NULL.
const struct route_rule *route_choose(const struct route_file *file,
                                      const struct route_subject *subject);

#endif
