// How the whole queue is, for /metrics: read every LINE_METRICS_EVERY_MS, and the same at every
// worker.
#ifndef DIALIN_LINE_METRICS_H
#define DIALIN_LINE_METRICS_H

#include "loop.h"
#include "metrics.h"
#include "script.h"
#include "snapshot.h"

#define LINE_METRICS_EVERY_MS 1000
#define LINE_METRICS_WHOLE 3

struct line_metrics;

// Everything is borrowed. `on_snapshot` (may be NULL) gets each reading, borrowed for the callback.
// Of those that line_metrics_read_whole has asked for, each LINE_METRICS_WHOLE-th is whole: it has
// the programs, and a sample of `minutes_back` minutes ago.
typedef void line_metrics_on_snapshot(const struct snapshot *snapshot, bool is_whole, void *arg);
struct line_metrics *line_metrics_open(struct loop *loop, struct scripts *scripts,
                                       struct metrics *metrics,
                                       line_metrics_on_snapshot *on_snapshot, void *arg);
void line_metrics_read_whole(struct line_metrics *line_metrics, unsigned minutes_back); // 0: none
void line_metrics_close(struct line_metrics *line_metrics); // after the connection

#endif
