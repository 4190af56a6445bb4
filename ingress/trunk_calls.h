// Calls over Daily's SIP trunks: POST /api/sip-trunk, signed with the secret of the trunk
// (common/webhook/trunk_webhook.h says what was verified of it). A call is queued as a dial-in is,
// or kept by the spool while Redis is away: Daily rejects the caller if no 2xx comes in about 12 s.
// The test that Daily sends when a trunk is configured is answered, if it is signed. A notification
// that is genuine and yet refused leaves a trace.
#ifndef DIALIN_TRUNK_CALLS_H
#define DIALIN_TRUNK_CALLS_H

#include "door.h"
#include "intake_metrics.h"
#include "peer.h"
#include "pending_webhook.h"
#include "stream_writer.h"

#include <stddef.h>

// Everything is borrowed.
struct trunk_calls_settings {
    struct stream_writer *writer;
    struct pending_webhooks *pending; // that of the dial-ins
    const struct intake_metrics *counts;
    struct auth_rules auth;
    const struct peer_proxies *proxies;
    size_t in_flight_max; // of all calls
};

struct trunk_calls;
struct trunk_calls *trunk_calls_open(const struct trunk_calls_settings *settings,
                                     struct metrics *metrics);
struct door *trunk_calls_door(struct trunk_calls *calls);
void trunk_calls_close(struct trunk_calls *calls);

#endif
