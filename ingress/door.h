// A door of the ingress: a path whose requests are signed with headers and secrets of their own.
// The story is the same at each: is the request genuine, is it the probe that Daily sends when the
// URL is configured, and only then it is handed to the door's `take`. Dial-in, Daily's events and
// SIP trunks each have one.
#ifndef DIALIN_DOOR_H
#define DIALIN_DOOR_H

#include "auth.h"
#include "http_server.h"
#include "intake_metrics.h"
#include "log_gate.h"
#include "peer.h"
#include "refusal.h"
#include "stream_writer.h"

#include <stdbool.h>

// The parts of a door that never change. Texts are constants.
struct door_kind {
    const char *timestamp_header, *signature_header;
    const char *missing_sentence, *stale_sentence; // of its 401s
    bool takes_key;                                // Authorization: Bearer, for dial-outs
    // A genuine webhook that is refused is a lost caller: it leaves a trace in {dialin}:refused.
    bool traces_refusals;
};

// `auth` says who sent the request; it may be refused with door_refuse, and must be answered once.
typedef void door_take(struct http_request *request, const struct auth *auth, void *arg);

struct door {
    const struct door_kind *kind;
    struct auth_rules auth; // in force; borrowed
    struct refusals *refusals;
    struct stream_writer *writer; // for Redis' time
    const struct peer_proxies *proxies;
    bool (*is_busy)(const void *arg); // if true, 503 before anything is read
    door_take *take;
    void *arg;          // of is_busy and take
    uint64_t *verified; // counts the probes
    struct intake_signatures signatures;
    struct log_gate probes; // verification requests
    struct log_gate doubts; // about this host's clock
};

// For http_route, with the door looked up by the intake.
void door_on_head(const struct door *door, struct http_request *request);
void door_on_request(struct door *door, struct http_request *request);

// Answers the probe.
void door_answer_probe(struct door *door, struct http_request *request);

// Refuses a request; one that is genuine leaves a trace if the door's kind says so. `auth` may be
// NULL: not known to be genuine. `refusal.peer` is filled in.
void door_refuse(const struct door *door, struct http_request *request, const struct auth *auth,
                 const struct refusal *refusal);

// The sentence of the 401 with this code.
const char *door_sentence(const struct door *door, const char *code);

// The signature headers, and the bearer key if the door takes one; NULL if absent.
struct auth_credentials door_credentials(const struct door *door,
                                         const struct http_request *request);

void door_find_peer(const struct door *door, const struct http_request *request,
                    char peer[PEER_BYTES]);

#endif
