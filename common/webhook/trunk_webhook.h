// The notification of a call that came over one of Daily's SIP trunks (sip_trunk.incoming), read
// leniently: only room.url is needed. Pure.
//
// By Daily's documentation (docs.daily.co, reference/rest-api/sip-trunk/notification and its guide,
// as stored copies show it): the URL is set for each trunk; X-Siptrunk-Timestamp is in
// milliseconds; X-Siptrunk-Signature is HMAC-SHA256, keyed with the base64-decoded `hmac` of the
// trunk, over `<timestamp>.<raw body>`; Daily makes the room, holds the caller in ringback until a
// 2xx comes, about 12 s in all with retries, and rejects the call with 480 otherwise; the bot joins
// room.url and waits there for the caller; creating or updating a trunk sends a signed one-shot
// sip_trunk.test, which must get 2xx. Not verified, as neither the rest of those pages nor a live
// trunk could be read: which member holds the name of the event (`type` and `event` are taken), and
// everything in the body but room.url. So caller and called number are looked for under the names
// that Daily uses elsewhere.
#ifndef DIALIN_TRUNK_WEBHOOK_H
#define DIALIN_TRUNK_WEBHOOK_H

#include "webhook_entry.h"
#include "webhook_repair.h"

#include <stdbool.h>

// Makes of the notification what the rest of the system reads of a dial-in: `document` has the
// texts `From` and `To` (empty if unknown), `sipHeaders` if there are any, `room_url`, and
// `sip_trunk`, the notification as it came, repaired where it is not strict JSON. Returns and is to
// be released as webhook_repair. A notification may be one level less deep than a dial-in.
bool trunk_webhook_repair(struct webhook_repaired *repaired, struct bytes_view body);

// Is it the test that Daily sends when a trunk is configured?
bool trunk_webhook_is_test(struct bytes_view body);

// The call's id: `trunk-` and the last part of the path of `room_url`; if that is empty, too long
// or not of [A-Za-z0-9_-], 32 hex digits of the SHA-256 of the whole URL.
void trunk_webhook_call_id(const char *room_url, char call_id[WEBHOOK_CALL_ID_BYTES_MAX + 1]);

// webhook_repair or trunk_webhook_repair, by the kind of the entry.
bool webhook_repair_entry(struct webhook_repaired *repaired, const struct webhook_entry *entry);

#endif
