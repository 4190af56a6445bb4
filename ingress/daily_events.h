// Daily's events (dialin.connected, dialin.stopped, …): POST /api/daily-events. Each is answered
// 200 once Redis has it in {dialin}:daily, whatever it is: unknown types, foreign rooms and bodies
// that are not JSON too, because after three answers in a row that are not 200 Daily sends no more
// until the webhook is registered again. The workers read and judge them.
//
// While Redis is away the spool keeps them (200 with "spooled":true), within a share of their own
// behind the calls (spool.h). Without a spool, or if it does not take one, an event waits for Redis
// here, DAILY_EVENTS_WAIT_MS at most, then it is 503.
//
// Events never delay a caller: few are judged in a turn of the loop, few are in Redis at a time,
// fewer while calls come (daily_pace.h); the rest wait here, and their number is limited.
//
// By Daily's documentation (docs.daily.co, reference/rest-api/webhooks, and its pages of each
// event): the five common fields, the payloads, that `timestamp` is a text of seconds in the
// examples, and the probe at the webhook's creation, which 200 answers. Not verified against a live
// domain: that X-Webhook-Timestamp is in milliseconds (both units are taken).
#ifndef DIALIN_DAILY_EVENTS_H
#define DIALIN_DAILY_EVENTS_H

#include "auth.h"
#include "door.h"
#include "loop.h"
#include "metrics.h"
#include "peer.h"
#include "pending_webhook.h"
#include "spool.h"
#include "stream_writer.h"

#define DAILY_EVENTS_MAX 4096                      // not answered yet; further ones are 503
#define DAILY_EVENTS_BYTES_MAX (16U * 1024 * 1024) // of their bodies; then too
#define DAILY_EVENTS_A_TURN 8                      // of these, judged in a turn of the loop
#define DAILY_EVENTS_SPOOL_MS 1000   // for a Redis that is connected; then the spool takes it too
#define DAILY_EVENTS_SPOOL_A_TICK 64 // of those that wait, put into the spool
#define DAILY_EVENTS_WAIT_MS 5000    // for Redis and the spool; then 503

// Everything is borrowed.
struct daily_events_settings {
    struct stream_writer *writer;
    struct spool *spool; // NULL: there is none
    struct auth_rules auth;
    const struct peer_proxies *proxies;
    const struct pending_webhooks *calls; // which go first
    size_t count_max; // not answered yet, DAILY_EVENTS_MAX at most: the calls need connections too
};

struct daily_events;
struct daily_events *daily_events_open(struct loop *loop,
                                       const struct daily_events_settings *settings,
                                       struct metrics *metrics);
struct door *daily_events_door(struct daily_events *events);

// Judges the request and answers it, later.
void daily_events_on_request(struct daily_events *events, struct http_request *request);

// Redis is up again: writes the events that wait.
void daily_events_write(struct daily_events *events);

// Answers those that still wait with 503. Then the writer may be closed, whose callbacks come
// before that ends, and then this.
void daily_events_refuse(struct daily_events *events);
void daily_events_close(struct daily_events *events);

#endif
