// Version, CPU time, memory and descriptors of the process, and lines that its log lost, for
// /metrics of every program.
#ifndef DIALIN_PROCESS_METRICS_H
#define DIALIN_PROCESS_METRICS_H

#include "metrics.h"

struct process_metrics;
struct process_metrics *process_metrics_open(struct metrics *metrics);
void process_metrics_close(struct process_metrics *process_metrics); // after the last printing

#endif
