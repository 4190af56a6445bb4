// The story of a webhook in the ingress: request in, genuine or not, XADD out, and the answer only
// when Redis has it, or, Redis being away, the spool.
#ifndef DIALIN_INTAKE_H
#define DIALIN_INTAKE_H

#include "http_server.h"
#include "json_line.h"
#include "loop.h"
#include "metrics.h"
#include "peer.h"
#include "redis.h"
#include "door.h"
#include "spool.h"
#include "stream_writer.h"

#include <stdbool.h>
#include <stddef.h>

// The secrets of each door (door.h).
struct intake_doors {
    struct auth_rules dialin;
    struct auth_rules events;
    struct auth_rules trunks;
};

// Everything is borrowed for the life of the intake.
struct intake_settings {
    const char *redis_prefix;
    struct intake_doors doors;
    const struct peer_proxies *proxies;
    size_t in_flight_max;
    size_t events_max; // of Daily's, not answered yet
    unsigned wait_replicas;
    const char *spool_folder; // NULL: there is no spool
    uint64_t spool_bytes_max;
};

// Paths whose refusals are counted apart, or told in other words.
#define INTAKE_EVENTS_PATH "/api/daily-events"
#define INTAKE_TRUNK_PATH "/api/sip-trunk"

struct intake;
struct intake *intake_open(struct loop *loop, const struct redis_address *redis,
                           const struct intake_settings *settings, struct metrics *metrics);

// Handlers for http_route, with the intake as `arg`, and for http_server_options.on_refusal.
void intake_on_head(struct http_request *request, void *arg);
void intake_on_request(struct http_request *request, void *arg);
void intake_on_event_head(struct http_request *request, void *arg);
void intake_on_event(struct http_request *request, void *arg);
void intake_on_trunk_head(struct http_request *request, void *arg);
void intake_on_trunk(struct http_request *request, void *arg);
void intake_on_health(struct http_request *request, void *arg); // GET: 200, and nothing else
void intake_on_refusal(const char *path, const char *code, void *arg);
bool intake_is_proxy(const char *address, void *arg);

// Uses these secrets and keys from now on, and this address for new connections to Redis. Borrowed.
void intake_reload(struct intake *intake, const struct intake_doors *doors,
                   const struct redis_address *redis);

// Returns the reason why it cannot take webhooks, or NULL (admin_not_ready_reason).
const char *intake_not_ready_reason(void *arg);

// Returns false if the configured spool could not be opened: webhooks that an earlier run had
// spooled would wait in vain.
bool intake_has_spool(const struct intake *intake);

// The connection through which webhooks are written; borrowed.
struct redis *intake_redis(const struct intake *intake);

// Adds what it holds to the status of the program: webhooks in flight, the spool.
void intake_describe(const struct intake *intake, struct json_line *line);

// An fdatasync is out: intake_close must wait for its end.
bool intake_is_spooling(const struct intake *intake);

// Answers parked requests with 503 and frees everything.
void intake_close(struct intake *intake);

#endif
