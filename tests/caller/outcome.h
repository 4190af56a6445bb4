// What became of the calls, as the worker records it in Redis.
#ifndef CALLER_OUTCOME_H
#define CALLER_OUTCOME_H

#include "loop.h"
#include "plan.h"
#include "progress.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OUTCOME_IN_FLIGHT_MAX 512
#define OUTCOME_REASONS_MAX 16
#define OUTCOME_TEXT_BYTES 256

// Of a call; queued: no record yet; unread: Redis did not answer.
#define OUTCOME_STATES(X) X(unread) X(queued) X(starting) X(waiting) X(started) X(dead)
enum outcome_state {
#define X(name) OUTCOME_##name,
    OUTCOME_STATES(X)
#undef X
        OUTCOME_STATE_COUNT
};
const char *outcome_state_name(enum outcome_state state);

struct outcome_reason {
    char name[32];
    uint64_t count;
};

// The record of one call, for --count 1. Texts are empty where the record has none.
struct outcome_story {
    char reason[OUTCOME_TEXT_BYTES], agent[OUTCOME_TEXT_BYTES], attempts[OUTCOME_TEXT_BYTES],
        session_id[OUTCOME_TEXT_BYTES], room_url[OUTCOME_TEXT_BYTES],
        http_status[OUTCOME_TEXT_BYTES], error[OUTCOME_TEXT_BYTES], worker[OUTCOME_TEXT_BYTES],
        route[OUTCOME_TEXT_BYTES];
};

struct outcome {
    uint64_t calls; // that were acknowledged
    uint64_t states[OUTCOME_STATE_COUNT];
    struct outcome_reason reasons[OUTCOME_REASONS_MAX]; // of the dead
    size_t reason_count;
    uint32_t *ring_to_start_ms; // of the started
    size_t ring_to_start_count;
    uint64_t took_us;
    struct outcome_story story;
};

// Runs the loop until every acknowledged call is started or dead, the time is up, or loop_stop.
// Whoever calls releases `outcome`.
void outcome_run(struct loop *loop, const struct plan *plan, const bool *is_acknowledged,
                 struct progress *progress, struct outcome *outcome);
void outcome_release(struct outcome *outcome);

#endif
