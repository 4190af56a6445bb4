// Which consumers this worker has found without a lease in every look of late, and for how long by
// its own monotonic clock. Redis' clock decides when a lease runs out, and may step; so a lease
// that is missing proves nothing until its owner has had time to renew it. Plain memory, no I/O.
#ifndef DIALIN_LEASE_WATCH_H
#define DIALIN_LEASE_WATCH_H

#include "bytes.h"

#include <hiredis/hiredis.h>
#include <stddef.h>
#include <stdint.h>

#define LEASE_WATCH_MAX 48 // consumers; the others come when these are removed

struct lease_watched {
    char *consumer;
    uint64_t since_ms; // of the first look in a row that found no lease
};

struct lease_watch {
    uint64_t patience_ms;
    size_t count;
    uint64_t looked_ms; // the last look; 0: none
    struct lease_watched watched[LEASE_WATCH_MAX];
};

// `patience_ms`: a consumer is dead after so long without a lease. No longer than a lease stands,
// so that one which was renewed between two looks is still seen.
void lease_watch_init(struct lease_watch *watch, uint64_t patience_ms);

// A look at `now_ms` found these without a lease (a list of names), and all others with one. If the
// last look is longer ago than `patience_ms`, the watch begins anew.
void lease_watch_note(struct lease_watch *watch, const redisReply *names, uint64_t now_ms);

// The dead. The names are borrowed until the next note or clear. Returns how many there are; `out`
// has room for LEASE_WATCH_MAX.
size_t lease_watch_dead(const struct lease_watch *watch, uint64_t now_ms, struct bytes_view *out);

// Forgets all: another server may have been asked before.
void lease_watch_clear(struct lease_watch *watch);

#endif
