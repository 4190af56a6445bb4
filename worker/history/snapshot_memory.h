// The memory that a reader of snapshots keeps from one reading to the next, so that Redis is asked
// once for it: the fields of the calls that are named, the parts that change slowly, and how long
// those hold whom a deep walk through the wait queues found. A reader that asks once needs one too.
#ifndef DIALIN_SNAPSHOT_MEMORY_H
#define DIALIN_SNAPSHOT_MEMORY_H

#include "agents_max.h"
#include "forecast.h"
#include "redis_reply.h"
#include "script_text.h"

#include <stdbool.h>

#define SNAPSHOT_WAITING_MAX 20
#define SNAPSHOT_SLOW_MS 5000       // how old fields, programs and samples may be
#define SNAPSHOT_DEPTH_PAGE 100     // callers a page of a deep walk: well below 1 ms in Redis
#define SNAPSHOT_DEPTH_ALL_MAX 2000 // callers of a deep walk, of all wait queues together

// What is to be read. All 0: the account and the agents' numbers only.
struct snapshot_query {
    unsigned walk;    // calls of each wait queue that the forecast walks through
    unsigned waiting; // calls that wait which are named, at most SNAPSHOT_WAITING_MAX
    unsigned events;  // at most SNAPSHOT_EVENTS_MAX
    bool programs;
    unsigned minutes_back; // figures since then; 0: none
};

struct snapshot_memory;
struct snapshot_memory *snapshot_memory_open(void);
void snapshot_memory_close(struct snapshot_memory *memory); // NULL is allowed

// The arguments of snapshot.lua. Returns how many they are: views into `memory`, valid until its
// next use. It asks for no more than the memory lacks. One reading at a time.
#define SNAPSHOT_ARGS_MAX (5 + SNAPSHOT_WAITING_MAX)
size_t snapshot_args(struct snapshot_memory *memory, const struct snapshot_query *query,
                     struct bytes_view argv[SNAPSHOT_ARGS_MAX]);

// The same of depth.lua, for the next page of the deep walk; 0: none is due. To be asked after each
// reading, and after each page.
size_t snapshot_depth_args(struct snapshot_memory *memory,
                           struct bytes_view argv[SNAPSHOT_ARGS_MAX]);

// The page. NULL, or a reply that is no page, ends this walk; the last walk's callers are kept.
void snapshot_depth_read(struct snapshot_memory *memory, const redisReply *reply);

// The whole command, `EVAL_RO script 2 webhooks never …`, with `count` arguments. `keys` are the
// two.
#define SNAPSHOT_COMMAND_MAX (5 + SNAPSHOT_ARGS_MAX)
size_t snapshot_command(enum script_name script, const struct bytes_view keys[2], size_t count,
                        const struct bytes_view *args,
                        struct bytes_view argv[SNAPSHOT_COMMAND_MAX]);

// --- for snapshot.c -----------------------------------------------------------------------------

// The fields of the calls that are named, taken out of the rows of `waiting`, or of an earlier
// reading: those of row `i`, borrowed; NULL: they are unknown.
void snapshot_memory_take_calls(struct snapshot_memory *memory, const redisReply *waiting,
                                size_t call_id_at, size_t fields_at);
const redisReply *snapshot_memory_fields(const struct snapshot_memory *memory, size_t i);

// Takes the parts that change slowly out of the reply, if this reading asked for them. Returns
// those that are known, borrowed.
enum snapshot_slow { SNAPSHOT_PROGRAMS, SNAPSHOT_SAMPLE, SNAPSHOT_SLOW_COUNT };
const redisReply *snapshot_memory_take_slow(struct snapshot_memory *memory, enum snapshot_slow part,
                                            redisReply **found);

// Those whom the last deep walk found in this agent's queue, borrowed; returns how many.
size_t snapshot_memory_deep(const struct snapshot_memory *memory, const char *agent,
                            const struct forecast_caller **callers);

// The reading is read: forgets which lines are longer than the walk; then one line after the other.
void snapshot_memory_begin_lines(struct snapshot_memory *memory);
void snapshot_memory_note_line(struct snapshot_memory *memory, const char *agent, uint64_t walked,
                               uint64_t waiting);

#endif
