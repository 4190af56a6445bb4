// A binary heap of the instants at which sessions end. Nothing is timed: a caller that asks how
// many run takes off first what is over. A heap, not a queue, because the length of a session may
// be changed while sessions run.
#include "pool.h"

#include "memory.h"

#include <assert.h>
#include <stdlib.h>

struct pool {
    uint64_t *ends_ms; // a heap: the parent of i is (i - 1) / 2, and ends no later
    size_t count, capacity;
};

struct pool *pool_open(void)
{
    return memory_zeroed(sizeof(struct pool));
}

void pool_close(struct pool *pool)
{
    free(pool->ends_ms);
    free(pool);
}

static void swap(uint64_t *a, uint64_t *b)
{
    uint64_t kept = *a;
    *a = *b;
    *b = kept;
}

static void push(struct pool *pool, uint64_t end_ms)
{
    if (pool->count == pool->capacity) {
        pool->capacity = pool->capacity ? 2 * pool->capacity : 64;
        pool->ends_ms = memory_resized(pool->ends_ms, pool->capacity * sizeof *pool->ends_ms);
    }
    size_t i = pool->count++;
    pool->ends_ms[i] = end_ms;
    for (; i > 0 && pool->ends_ms[i] < pool->ends_ms[(i - 1) / 2]; i = (i - 1) / 2) {
        swap(&pool->ends_ms[i], &pool->ends_ms[(i - 1) / 2]);
    }
}

static void pop(struct pool *pool)
{
    assert(pool->count > 0);
    pool->ends_ms[0] = pool->ends_ms[--pool->count];
    for (size_t i = 0;;) {
        size_t least = i;
        for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < pool->count; child++) {
            least = pool->ends_ms[child] < pool->ends_ms[least] ? child : least;
        }
        if (least == i) {
            return;
        }
        swap(&pool->ends_ms[i], &pool->ends_ms[least]);
        i = least;
    }
}

size_t pool_running(struct pool *pool, uint64_t now_ms)
{
    while (pool->count > 0 && pool->ends_ms[0] <= now_ms) {
        pop(pool);
    }
    return pool->count;
}

bool pool_begin(struct pool *pool, uint64_t now_ms, uint64_t places, uint64_t session_ms)
{
    if (pool_running(pool, now_ms) >= places || pool->count >= POOL_SESSIONS_MAX) {
        return false;
    }
    push(pool, session_ms ? now_ms + session_ms : UINT64_MAX);
    return true;
}

void pool_end_oldest(struct pool *pool, size_t count)
{
    for (; count > 0 && pool->count > 0; count--) {
        pop(pool);
    }
}
