// Would Redis take a webhook now? A connection says little: a server may refuse to write (full, a
// replica, another node's slot, no right to, a key of another type). So it is true after a write
// that worked; and while there is none to be made, one is tried that Redis checks as any other and
// that writes nothing.
#ifndef DIALIN_WRITE_PROBE_H
#define DIALIN_WRITE_PROBE_H

#include "loop.h"
#include "redis.h"

#include <stdbool.h>

#define WRITE_PROBE_EVERY_MS 1000 // while all is well and nothing else is written
#define WRITE_PROBE_AGAIN_MS 250  // while Redis refuses
#define WRITE_PROBE_SAY_MS 10000  // a refusal that lasts is logged again

struct write_probe;

// `stream` is the stream's key, borrowed. `on_change` is called when the verdict has changed.
// `refusals` counts what Redis refused, trials included.
struct write_probe *write_probe_open(struct loop *loop, struct bytes_view stream,
                                     uint64_t *refusals, loop_on_time *on_change, void *arg);
void write_probe_close(struct write_probe *probe);

// The connection has come up; or it is gone, and the verdict with it.
void write_probe_on_up(struct write_probe *probe, struct redis *redis);
void write_probe_on_down(struct write_probe *probe);

// The reply to a real write, which is not NULL.
void write_probe_note(struct write_probe *probe, const redisReply *reply, bool is_written);

bool write_probe_is_good(const struct write_probe *probe);

// Why not, in a sentence; NULL if nothing is known against it.
const char *write_probe_not_ready_reason(const struct write_probe *probe);

#endif
