// The gauges dialin_line_* of each agent, for every program that reads snapshots: one meaning.
// Those beyond AGENT_NAMES_MAX (agent_names.h) are summed up as `other`.
#ifndef DIALIN_LINE_GAUGES_H
#define DIALIN_LINE_GAUGES_H

#include "metrics.h"
#include "snapshot.h"

struct line_gauges;

// The metrics are borrowed, and must live until line_gauges_close.
struct line_gauges *line_gauges_open(struct metrics *metrics);
void line_gauges_close(struct line_gauges *line_gauges);

// Sets them. An agent that is no longer in the snapshot has no queue: its gauges become 0.
void line_gauges_take(struct line_gauges *line_gauges, const struct snapshot *snapshot);

#endif
