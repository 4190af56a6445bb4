// Writes into the stream of webhooks, and reports when Redis has them: with
// REDIS_WAIT_REPLICAS, when that many replicas have it too. After each reconnect it looks whether
// Redis still has the last entry it acknowledged, and logs an error if it has not.
#ifndef DIALIN_STREAM_WRITER_H
#define DIALIN_STREAM_WRITER_H

#include "metrics.h"
#include "redis.h"
#include "webhook_entry.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STREAM_WRITER_WAIT_MS 250 // of one WAIT
#define STREAM_WRITER_WAITS_MAX 4 // for one entry; then it is as if Redis had not answered

struct stream_writer_settings {
    const char *redis_prefix; // borrowed
    unsigned wait_replicas;   // 0: Redis alone is enough
};

struct stream_writer;

// It is up while Redis takes writes (write_probe.h), with the replicas to be waited for: otherwise
// nothing is written, which would only be written again. `on_up` is called whenever it has come
// back.
struct stream_writer *stream_writer_open(struct loop *loop, const struct redis_address *redis,
                                         const struct stream_writer_settings *settings,
                                         struct metrics *metrics, loop_on_time *on_up, void *arg);
struct redis *stream_writer_redis(const struct stream_writer *writer); // its connection, borrowed
void stream_writer_close(struct stream_writer *writer); // pending callbacks come first

// New connections use this address.
void stream_writer_reload(struct stream_writer *writer, const struct redis_address *redis);

bool stream_writer_is_up(const struct stream_writer *writer);
const char *
stream_writer_not_ready_reason(const struct stream_writer *writer); // a sentence; NULL: it is up
uint64_t stream_writer_down_ms(const struct stream_writer *writer); // for how long; 0: it is up
uint64_t stream_writer_now_ms(const struct stream_writer *writer);  // Redis' time
bool stream_writer_knows_time(const struct stream_writer *writer);  // else the above is the host's

// Writes one entry: `fields` are names and values in turn, copied. False, and no callback, while
// Redis is away. Otherwise one callback, never from inside the call: the entry's id, borrowed, or
// the empty view if Redis refused it or its reply was lost: write it again.
typedef void stream_writer_on_written(struct bytes_view entry_id, void *arg);
bool stream_writer_write(struct stream_writer *writer, size_t count,
                         const struct bytes_view *fields, stream_writer_on_written *on_written,
                         void *arg);

// The same into the stream of Daily's events, which is cut by number and by bytes, read or not
// (event_trim.h). That Redis refuses one does not bring the writer down: events are not callers.
bool stream_writer_write_event(struct stream_writer *writer, size_t count,
                               const struct bytes_view *fields,
                               stream_writer_on_written *on_written, void *arg);

// Adds an entry to the stream of refused webhooks, without waiting for it; lost if Redis is away.
#define STREAM_WRITER_TRACES_MAX 10000 // entries kept
void stream_writer_trace(struct stream_writer *writer, size_t count,
                         const struct bytes_view *fields);

// Looks up the state and reason of the call that is recorded as `call_id`. False, and no callback,
// while Redis is away. Otherwise one callback, never from inside the call; `state` is empty if no
// such call is kept, or nobody knows.
typedef void stream_writer_on_call(struct bytes_view state, struct bytes_view reason, void *arg);
bool stream_writer_look_up(struct stream_writer *writer, const char *call_id,
                           stream_writer_on_call *on_call, void *arg);

#endif
