// What the routes of the agent share: one of these in the process, made by main.
#ifndef AGENT_AGENT_H
#define AGENT_AGENT_H

#include "chance.h"
#include "conversations.h"
#include "cues.h"
#include "loop.h"
#include "pool.h"
#include "request_list.h"
#include "settings.h"
#include "start_counts.h"

#include <stddef.h>
#include <stdint.h>

#define AGENT_STATUS_END 600

struct agent_counters {
    uint64_t requests;
    uint64_t started;     // sessions begun
    uint64_t cold;        // of these, cold starts
    uint64_t at_capacity; // 429 by the pool
    uint64_t refused;     // 401, 404 and 400 by the agent itself
    uint64_t failed;      // by error_rate
    uint64_t cued;        // answered on cue
    uint64_t reset;       // closed without an answer
    uint64_t sessions_max;
    uint64_t waiting_max; // requests not answered yet, at once
    uint64_t statuses[AGENT_STATUS_END];
};

struct start; // a request that waits for its answer

struct agent {
    struct loop *loop;
    struct settings settings;
    struct pool *pool;
    struct cues *cues;
    struct request_list *requests;
    struct start_counts *starts;
    struct conversations *conversations; // NULL: their events are not played
    struct chance chance;
    struct agent_counters counters;
    bool has_started;      // the first start is a cold one
    struct start *waiting; // until their time comes, or they are released
    size_t delayed, hanging;
};

#endif
