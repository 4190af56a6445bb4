// What became of the callers whose bot was started, by Daily's events, from the counters that
// room.lua keeps in the key `counts`. Of a time span: the difference of two readings. Plain memory,
// pure.
#ifndef DIALIN_CONVERSATIONS_H
#define DIALIN_CONVERSATIONS_H

#include "redis_reply.h"

struct conversations {
    uint64_t connected, ended, failed, never_connected; // by their verdict now
    uint64_t talked;                                    // conversations whose whole length is known
    uint64_t talked_s;                                  // of all of these
    uint64_t busy_s, pool_s; // of the sessions of agents that were full: busy, and all of them
};

// `counts` is names and values in turn; NULL: nothing was counted.
void conversations_read(struct conversations *conversations, const redisReply *counts);

// Takes away what an earlier reading had. A verdict may change, so that `connected` goes back; what
// went back becomes 0.
void conversations_since(struct conversations *conversations, const struct conversations *earlier);

uint64_t conversations_judged(const struct conversations *conversations); // with a verdict

// Occupancy: busy session time / all session time, in tenths of a per cent. 0 if `pool_s` is 0.
uint64_t conversations_occupancy(const struct conversations *conversations);

#endif
