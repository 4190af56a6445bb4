// Counters, gauges and histograms, printed in the Prometheus text format. Single-threaded: the
// holder of a pointer adds to it. Names and labels are our own literals, never input.
#ifndef DIALIN_METRICS_H
#define DIALIN_METRICS_H

#include "bytes.h"

#include <stdint.h>

#define METRICS_MAX 128 // series in one process

struct metrics;
struct metrics_histogram;

struct metrics *metrics_open(void);
void metrics_close(struct metrics *metrics);

// `name`, `help` and `labels` (such as `code="busy"`, or NULL) are borrowed for ever. Series of one
// name are registered one after the other. The pointers live as long as `metrics`.
uint64_t *metrics_counter(struct metrics *metrics, const char *name, const char *help,
                          const char *labels);
int64_t *metrics_gauge(struct metrics *metrics, const char *name, const char *help,
                       const char *labels);
// Holds microseconds, not below 0; printed in seconds.
int64_t *metrics_gauge_us(struct metrics *metrics, const char *name, const char *help);
struct metrics_histogram *metrics_seconds(struct metrics *metrics, const char *name,
                                          const char *help); // 0.5 ms to 120 s
void metrics_observe(struct metrics_histogram *histogram, uint64_t duration_us);

// Appends the exposition text to `out`; returns false if its maximum cuts it.
bool metrics_print(const struct metrics *metrics, struct bytes *out);

#endif
