// Reads one of Daily's events: its type, its room, and when it happened. Pure.
//
// By Daily's documentation (reference/rest-api/webhooks/events): `id`, `type`, `event_ts` in
// seconds with a fraction (when the webhook was sent), and in `payload` `room`, `timestamp` in
// whole seconds, as a number or as a text, and `error_msg` of errors. No event carries the call's
// id. Whatever else an event holds is left alone.
#ifndef DIALIN_DAILY_EVENT_H
#define DIALIN_DAILY_EVENT_H

#include "bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DAILY_EVENT_ID_BYTES 256
#define DAILY_EVENT_ROOM_BYTES 512
#define DAILY_EVENT_ERROR_BYTES 256
#define DAILY_EVENT_LAG_MS_MAX (3600 * 1000) // from the event to its webhook; more is nonsense

// Plain memory.
struct daily_event {
    const char *name;  // connected, ended, failed; NULL: an event that tells nothing of a call
    const char *about; // dialin or dialout
    char id[DAILY_EVENT_ID_BYTES];
    char room[DAILY_EVENT_ROOM_BYTES];
    char error[DAILY_EVENT_ERROR_BYTES]; // of `failed`; else empty
    uint64_t at_ms;                      // when it happened, in Redis' time
};

// The body as it came, the timestamp that was signed, and when it was received in Redis' time.
// Daily's clock may be minutes from ours: only how long the event was under way is taken from it.
// Returns false, with a reason, if it is not an event.
bool daily_event_read(struct daily_event *event, struct bytes_view body,
                      struct bytes_view timestamp, uint64_t received_ms, const char **reason);

// The types of events that tell something of a call, by number from 0 on; NULL after the last.
const char *daily_event_type(size_t i);

#endif
