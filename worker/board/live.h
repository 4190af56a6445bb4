// The stream to the viewers of the board: `now` each second, `event` for each event of the audit
// stream, `gap` if there were too many. One connection and one question a second for each prefix,
// for any number of viewers.
#ifndef DIALIN_BOARD_LIVE_H
#define DIALIN_BOARD_LIVE_H

#include "board_settings.h"
#include "http_stream.h"
#include "metrics.h"
#include "redis.h"

#define LIVE_VIEWERS_MAX 32
#define LIVE_UNSENT_MAX (256 * 1024) // a viewer who has not read so much is ended
#define LIVE_EVENTS_PER_S 200        // above it, a gap
#define LIVE_RESUME_MAX 1000         // events that a viewer who comes back is sent

struct live;
// `settings` are borrowed.
struct live *live_open(struct loop *loop, const struct board_settings *settings,
                       struct metrics *metrics);
void live_close(struct live *live); // before the HTTP server: ends the streams

// Answer these requests.
// The stream ends at `end_ms` of the wall clock, with the session. 503 if there are too many.
void live_stream(struct live *live, struct http_request *request, uint64_t end_ms);
void live_now(struct live *live, struct http_request *request);
struct redis *live_connection(struct live *live, size_t prefix); // for others' questions; borrowed

// NULL: Redis is there.
const char *live_not_ready_reason(struct live *live);

#endif
