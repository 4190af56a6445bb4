// See redis_queue.h.
#include "redis_queue.h"

#include "memory.h"

#include <assert.h>
#include <stdlib.h>

void redis_queue_add(struct redis_queue *queue, const struct redis_command *command)
{
    struct redis_command *added = queue->spare;
    if (added) {
        queue->spare = added->next;
    } else {
        added = memory_zeroed(sizeof *added);
    }
    *added = *command;
    added->next = NULL;
    *(queue->newest ? &queue->newest->next : &queue->oldest) = added;
    queue->newest = added;
    queue->count++;
}

struct redis_command redis_queue_take(struct redis_queue *queue)
{
    struct redis_command *taken = queue->oldest;
    assert(taken);
    const struct redis_command command = *taken;
    queue->oldest = taken->next;
    queue->newest = queue->oldest ? queue->newest : NULL;
    queue->count--;
    taken->next = queue->spare;
    queue->spare = taken;
    return command;
}

void redis_queue_release(struct redis_queue *queue)
{
    assert(!queue->oldest);
    while (queue->spare) {
        struct redis_command *next = queue->spare->next;
        free(queue->spare);
        queue->spare = next;
    }
}
