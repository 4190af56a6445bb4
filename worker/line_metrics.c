// See line_metrics.h. An agent that is no longer in the reading has no queue: its gauges become 0.
#include "line_metrics.h"

#include "memory.h"
#include "route.h"

#include <stdlib.h>
#include <string.h>

#define AGENTS_MAX 32 // the others are summed up as `other`
#define OTHER "other"
#define US_PER_MS 1000

struct agent_gauges {
    char name[ROUTE_AGENT_BYTES_MAX + 1];
    int64_t *calls, *lost, *paused, *oldest_us, *hold_left_us;
};

struct line_metrics {
    struct scripts *scripts;
    struct metrics *metrics;
    line_metrics_on_snapshot *on_snapshot;
    void *arg;
    struct loop_timer *timer;
    struct snapshot_memory *memory;
    bool is_reading; // a snapshot, or a page of a deep walk
    struct agent_gauges agents[AGENTS_MAX + 1];
    size_t agent_count;
    int64_t *unread, *unfinished, *waiting, *workers, *oldest_s;
};

// --- the gauges of an agent --------------------------------------------------------------------

static void register_agent(struct agent_gauges *agent, struct metrics *metrics)
{
    char label[METRICS_LABEL_BYTES];
    metrics_label(label, sizeof label, "agent", agent->name);
    agent->calls =
        metrics_gauge(metrics, "dialin_line_calls", "Calls that wait for the agent.", label);
    agent->oldest_us =
        metrics_gauge_us_of(metrics, "dialin_line_oldest_seconds",
                            "How long the first of them has waited; 0: nobody waits.", label);
    agent->hold_left_us = metrics_gauge_us_of(
        metrics, "dialin_line_hold_left_seconds",
        "How long the caller who can hold least will hold; 0 too if nobody waits.", label);
    agent->lost = metrics_gauge(metrics, "dialin_line_lost_forecast",
                                "How many of them will be lost at the rate of the last 30 s; 0 too "
                                "if there was no start, and so no rate.",
                                label);
    agent->paused =
        metrics_gauge(metrics, "dialin_line_paused", "1 while an operator has paused it.", label);
}

static struct agent_gauges *gauges_of(struct line_metrics *metrics, const char *name)
{
    for (size_t i = 0; i < metrics->agent_count; i++) {
        if (!strcmp(metrics->agents[i].name, name)) {
            return &metrics->agents[i];
        }
    }
    if (metrics->agent_count > AGENTS_MAX) {
        return &metrics->agents[AGENTS_MAX];
    }
    struct agent_gauges *agent = &metrics->agents[metrics->agent_count];
    view_copy(view_of_text(metrics->agent_count < AGENTS_MAX ? name : OTHER), agent->name,
              sizeof agent->name);
    register_agent(agent, metrics->metrics);
    metrics->agent_count++;
    return agent;
}

static void clear(const struct agent_gauges *agent)
{
    *agent->calls = *agent->lost = *agent->paused = 0;
    *agent->oldest_us = *agent->hold_left_us = 0;
}

static void set_us(int64_t *gauge, uint64_t ms, bool is_better)
{
    if (is_better) {
        *gauge = (int64_t)ms * US_PER_MS;
    }
}

static void take_agent(struct line_metrics *metrics, const struct snapshot_agent *agent)
{
    const struct agent_gauges *gauges = gauges_of(metrics, agent->name);
    bool is_first = *gauges->calls == 0; // else several agents are `other`
    if (agent->waiting > 0) {
        set_us(gauges->oldest_us, agent->oldest_ms,
               is_first || (int64_t)agent->oldest_ms * US_PER_MS > *gauges->oldest_us);
        set_us(gauges->hold_left_us, agent->hold_left_ms,
               is_first || (int64_t)agent->hold_left_ms * US_PER_MS < *gauges->hold_left_us);
    }
    *gauges->calls += (int64_t)agent->waiting;
    *gauges->lost += (int64_t)agent->lost;
    *gauges->paused |= agent->state == SNAPSHOT_PAUSED;
}

// --- reading -----------------------------------------------------------------------------------

static void take(struct line_metrics *metrics, const struct snapshot *snapshot)
{
    for (size_t i = 0; i < metrics->agent_count; i++) {
        clear(&metrics->agents[i]);
    }
    for (size_t i = 0; i < snapshot->agent_count; i++) {
        take_agent(metrics, &snapshot->agents[i]);
    }
    if (snapshot->unread >= 0) {
        *metrics->unread = snapshot->unread;
        *metrics->unfinished =
            snapshot->unread + (int64_t)snapshot->pending - (int64_t)snapshot->ended_unread;
    }
    *metrics->waiting = (int64_t)snapshot->waiting;
    *metrics->workers = (int64_t)snapshot->workers;
    *metrics->oldest_s = (int64_t)(snapshot->record_oldest_ms / 1000);
    if (metrics->on_snapshot) {
        metrics->on_snapshot(snapshot, metrics->arg);
    }
}

static void on_page(const redisReply *reply, void *arg);

static void go_deeper(struct line_metrics *metrics)
{
    struct bytes_view args[SNAPSHOT_ARGS_MAX];
    size_t count = snapshot_depth_args(metrics->memory, args);
    metrics->is_reading =
        count > 0 && scripts_send(metrics->scripts, SCRIPT_DEPTH, count, args, on_page, metrics);
}

static void on_page(const redisReply *reply, void *arg)
{
    struct line_metrics *metrics = arg;
    scripts_look_at(metrics->scripts, reply);
    snapshot_depth_read(metrics->memory, reply);
    go_deeper(metrics);
}

static void on_read(const redisReply *reply, void *arg)
{
    struct line_metrics *metrics = arg;
    struct snapshot snapshot;
    metrics->is_reading = false;
    scripts_look_at(metrics->scripts, reply);
    if (!reply) {
        return;
    }
    scripts_keep_reply(metrics->scripts);
    redisReply *own = (redisReply *)(uintptr_t)reply;
    if (snapshot_read(&snapshot, own, metrics->memory)) {
        take(metrics, &snapshot);
        go_deeper(metrics);
    }
    freeReplyObject(own);
}

static void read_queue(void *arg)
{
    struct line_metrics *metrics = arg;
    const struct snapshot_query query = {.walk = FORECAST_WALK_MAX};
    struct bytes_view args[SNAPSHOT_ARGS_MAX];
    loop_timer_start(metrics->timer, LINE_METRICS_EVERY_MS);
    if (!metrics->is_reading) {
        size_t count = snapshot_args(metrics->memory, &query, args);
        metrics->is_reading =
            scripts_send(metrics->scripts, SCRIPT_SNAPSHOT, count, args, on_read, metrics);
    }
}

// --- opening and closing -----------------------------------------------------------------------

struct line_metrics *line_metrics_open(struct loop *loop, struct scripts *scripts,
                                       struct metrics *metrics,
                                       line_metrics_on_snapshot *on_snapshot, void *arg)
{
    struct line_metrics *line = memory_zeroed(sizeof *line);
    line->scripts = scripts;
    line->memory = snapshot_memory_open();
    line->metrics = metrics;
    line->on_snapshot = on_snapshot;
    line->arg = arg;
    line->unread = metrics_gauge(metrics, "dialin_entries_unread",
                                 "Webhooks in the stream that no worker has read.", NULL);
    line->unfinished = metrics_gauge(metrics, "dialin_entries_unfinished",
                                     "Webhooks in the stream that no worker has finished.", NULL);
    line->waiting =
        metrics_gauge(metrics, "dialin_entries_in_line", "Calls that wait for an agent.", NULL);
    line->workers = metrics_gauge(metrics, "dialin_workers", "Workers that hold a lease.", NULL);
    line->oldest_s =
        metrics_gauge(metrics, "dialin_record_oldest_timestamp_seconds",
                      "When the oldest webhook came that is still kept; 0: none is.", NULL);
    line->timer = loop_timer_open(loop, read_queue, line);
    loop_timer_start(line->timer, LINE_METRICS_EVERY_MS);
    return line;
}

void line_metrics_close(struct line_metrics *line_metrics)
{
    loop_timer_close(line_metrics->timer);
    snapshot_memory_close(line_metrics->memory);
    free(line_metrics);
}
