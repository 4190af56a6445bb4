// Webhook to start request: the transformation of CONTRACT "Transform". Pure and deterministic:
// the same entry, route and expiry give the same bytes, and `dialin-audit verify` checks that.
#ifndef DIALIN_TRANSFORM_H
#define DIALIN_TRANSFORM_H

#include "bytes.h"
#include "json.h"
#include "webhook_entry.h"
#include "webhook_repair.h"

#include <stdint.h>

#define TRANSFORM_REQUEST_BYTES_MAX (1024 * 1024) // /start answers 413 above it

struct transform_settings {
    const char *daily_api_key; // NULL: none is added
    const char *daily_api_url;

    // A route's `body` and `room`, or NULL. They fill in and add: members that the webhook leaves
    // null or out, at any place that is shown in CONTRACT's example. They never overwrite members
    // that come from the webhook, nor the fixed ones (exp, eject_at_room_exp, and those of sip).
    const struct json_document *body, *room;
};

// Facts about a webhook that the worker needs besides the request, as the bot hears them. Owned
// texts, NULL until transform() has filled them; empty if absent.
struct transform_facts {
    char *from, *to;
    char *room_url; // of a trunk's call; empty: /start makes the room
    char *dialled;  // the numbers that a dial-out calls: callable_numbers_of_dialout
    char *flaw;     // the repairs; empty: none
    char *problem;  // why it cannot be transformed; empty: it can
};
void transform_facts_release(struct transform_facts *facts);

// Appends the request's JSON to `request`, with `exp` set to `expires_s` (Unix time). NULL when it
// is good, else a sentence why this webhook cannot be transformed, which is also in
// `facts`. Replaces the content of `facts`.
const char *transform(const struct webhook_entry *entry, const struct transform_settings *settings,
                      uint64_t expires_s, struct bytes *request, struct transform_facts *facts);

// The same for a webhook that webhook_repair has read before, whatever that returned.
const char *transform_repaired(const struct webhook_entry *entry,
                               const struct webhook_repaired *webhook,
                               const struct transform_settings *settings, uint64_t expires_s,
                               struct bytes *request, struct transform_facts *facts);

#endif
