// See line_gauges.h.
#include "line_gauges.h"

#include "memory.h"
#include "route.h"

#include <stdlib.h>
#include <string.h>

#define OTHER "other"
#define US_PER_MS 1000

struct agent_gauges {
    char name[ROUTE_AGENT_BYTES_MAX + 1];
    int64_t *calls, *lost, *paused, *oldest_us, *hold_left_us;
};

struct line_gauges {
    struct metrics *metrics;
    struct agent_gauges agents[LINE_GAUGES_AGENTS_MAX + 1];
    size_t agent_count;
};

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

static struct agent_gauges *gauges_of(struct line_gauges *line, const char *name)
{
    for (size_t i = 0; i < line->agent_count; i++) {
        if (!strcmp(line->agents[i].name, name)) {
            return &line->agents[i];
        }
    }
    if (line->agent_count > LINE_GAUGES_AGENTS_MAX) {
        return &line->agents[LINE_GAUGES_AGENTS_MAX];
    }
    struct agent_gauges *agent = &line->agents[line->agent_count];
    view_copy(view_of_text(line->agent_count < LINE_GAUGES_AGENTS_MAX ? name : OTHER), agent->name,
              sizeof agent->name);
    register_agent(agent, line->metrics);
    line->agent_count++;
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
    for (size_t i = 0; i < line->agent_count; i++) {
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
