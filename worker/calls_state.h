// The table of calls and the parts that it uses: what calls.c, which tells the story, and
// calls_state.c, which opens and counts, share. Nobody else includes it.
#ifndef DIALIN_CALLS_STATE_H
#define DIALIN_CALLS_STATE_H

#include "agent_health.h"
#include "call_metrics.h"
#include "call_table.h"
#include "calls.h"
#include "quarantine.h"
#include "reach.h"

struct calls {
    struct loop *loop;
    struct calls_settings settings;
    struct redis *commands;
    struct record *record;
    struct http_client *client;
    struct stream_reader *reader;
    struct lines *lines;
    struct routing *routing;
    struct call_table table;
    size_t beginning; // calls in CALL_BEGINNING
    struct quarantine quarantine;
    bool is_draining;
    struct agent_health *health;
    struct reach *reach;
    struct call_metrics metrics;
};

#endif
