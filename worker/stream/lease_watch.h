// Which consumers this worker has found without a lease in every look of late, and for how long by
// its own monotonic clock. Redis' clock decides when a lease runs out, and may step; so a lease
// that is missing proves nothing until its owner has had time to renew it. Plain memory, no I/O.
#ifndef DIALIN_LEASE_WATCH_H
#define DIALIN_LEASE_WATCH_H

#include "bytes.h"

#include <hiredis/hiredis.h>
#include <stddef.h>
#include <stdint.h>

#define LEASE_WATCH_MAX 48      // consumers; the others come when these are removed
#define LEASE_WATCH_GAP_MS 1000 // between two looks; after a longer one the watch begins anew

struct lease_watched {
    char *consumer;
    uint64_t since_ms; // of the first look in a row that found no lease
};

// Zeroed is right to begin with.
struct lease_watch {
    size_t count;
    uint64_t looked_ms; // the last look; 0: none
    struct lease_watched watched[LEASE_WATCH_MAX];
};

// A look at `now_ms` found these without a lease (a list of names), and all others with one.
void lease_watch_note(struct lease_watch *watch, const redisReply *names, uint64_t now_ms);

// Those who have been without a lease for at least `patience_ms`. The names are borrowed until the
// next note or clear. Returns how many there are; `out` has room for LEASE_WATCH_MAX.
size_t lease_watch_dead(const struct lease_watch *watch, uint64_t now_ms, uint64_t patience_ms,
                        struct bytes_view *out);

// Forgets all: another server may have been asked before.
void lease_watch_clear(struct lease_watch *watch);

#endif
