// See line_gauges.h.
#include "line_gauges.h"

#include "agent_names.h"
#include "memory.h"

#include <stdlib.h>

#define US_PER_MS 1000

struct agent_gauges {
    int64_t *calls, *lost, *paused, *oldest_us, *hold_left_us;
};

struct line_gauges {
    struct metrics *metrics;
    struct agent_names names;
    struct agent_gauges agents[AGENT_NAMES_SLOTS]; // of the names
};

static void register_agent(struct agent_gauges *agent, struct metrics *metrics, const char *name)
{
    char label[METRICS_LABEL_BYTES];
    metrics_label(label, sizeof label, "agent", name);
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

static const struct agent_gauges *gauges_of(struct line_gauges *line, const char *name)
{
    size_t before = line->names.count;
    size_t slot = agent_names_slot(&line->names, name);
    if (line->names.count > before) {
        register_agent(&line->agents[slot], line->metrics, line->names.list[slot]);
    }
    return &line->agents[slot];
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

static void take_agent(struct line_gauges *line, const struct snapshot_agent *agent)
{
    const struct agent_gauges *gauges = gauges_of(line, agent->name);
    if (agent->callers > 0) { // several agents may be `other`
        set_us(gauges->oldest_us, agent->oldest_ms,
               (int64_t)agent->oldest_ms * US_PER_MS > *gauges->oldest_us);
        set_us(gauges->hold_left_us, agent->hold_left_ms,
               *gauges->hold_left_us == 0 ||
                   (int64_t)agent->hold_left_ms * US_PER_MS < *gauges->hold_left_us);
    }
    *gauges->calls += (int64_t)agent->waiting;
    *gauges->lost += (int64_t)agent->lost;
    *gauges->paused |= agent->state == SNAPSHOT_PAUSED;
}

void line_gauges_take(struct line_gauges *line, const struct snapshot *snapshot)
{
    for (size_t i = 0; i < line->names.count; i++) {
        clear(&line->agents[i]);
    }
    for (size_t i = 0; i < snapshot->agent_count; i++) {
        take_agent(line, &snapshot->agents[i]);
    }
}

struct line_gauges *line_gauges_open(struct metrics *metrics)
{
    struct line_gauges *line = memory_zeroed(sizeof *line);
    line->metrics = metrics;
    return line;
}

void line_gauges_close(struct line_gauges *line)
{
    free(line);
}
