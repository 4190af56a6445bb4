// A worker's lease: the key by which others see that it lives. A worker that has found one gone for
// long enough takes over all entries of its owner.
#ifndef DIALIN_LEASE_H
#define DIALIN_LEASE_H

#include "loop.h"
#include "script.h"
#include "stream_reader.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LEASE_LOOK_MS 250        // how often the leases of others are looked at
#define LEASE_RENEW_MS 500       // a third of half the shortest lease: so a watcher sees a renewal
#define LEASE_TAKE_OVER_MAX 1000 // entries taken over in one step

// Everything is borrowed for the life of the lease.
struct lease_settings {
    const char *worker_name;
    const char *consumer;
    uint64_t lease_ms;
};

struct lease;

// Starts the reader once the first lease stands, and has it read the entries that are taken over.
struct lease *lease_open(struct loop *loop, struct scripts *scripts, struct stream_reader *reader,
                         const struct lease_settings *settings);

// The connection has come up: renews at once.
void lease_on_up(struct lease *lease);

// Takes over no further calls, but goes on renewing: for a worker that finishes its calls.
void lease_stop_taking(struct lease *lease);

// Gives the lease up, so that others take over the remaining entries at once; then calls back, also
// if Redis is away.
void lease_give_up(struct lease *lease, loop_on_time *on_given_up, void *arg);

void lease_close(struct lease *lease); // after the connection, so that no callback follows

#endif
