// The sessions that run now, as Pipecat Cloud limits them: one instance for each, a fixed number of
// instances, and a refusal beyond it. Times are loop_now_ms().
#ifndef AGENT_POOL_H
#define AGENT_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define POOL_SESSIONS_MAX 1000000

struct pool;
struct pool *pool_open(void);
void pool_close(struct pool *pool);

// Takes a place for `session_ms` (0: until pool_end_oldest). False where `places` are taken.
bool pool_begin(struct pool *pool, uint64_t now_ms, uint64_t places, uint64_t session_ms);

size_t pool_running(struct pool *pool, uint64_t now_ms);

// Ends those that would end first.
void pool_end_oldest(struct pool *pool, size_t count);

#endif
