// How the whole queue is, for /metrics: read every LINE_METRICS_EVERY_MS, and the same at every
// worker.
#ifndef DIALIN_LINE_METRICS_H
#define DIALIN_LINE_METRICS_H

#include "loop.h"
#include "metrics.h"
#include "script.h"
#include "snapshot.h"

#define LINE_METRICS_EVERY_MS 1000

struct line_metrics;

// Everything is borrowed. `on_snapshot` (may be NULL) gets each reading, borrowed for the callback.
typedef void line_metrics_on_snapshot(const struct snapshot *snapshot, void *arg);
struct line_metrics *line_metrics_open(struct loop *loop, struct scripts *scripts,
                                       struct metrics *metrics,
                                       line_metrics_on_snapshot *on_snapshot, void *arg);

// From now on a reading has the programs too, and a sample of so many minutes ago; 0: it has not.
void line_metrics_read_all(struct line_metrics *line_metrics, unsigned minutes_back);

void line_metrics_close(struct line_metrics *line_metrics); // after the connection

#endif
