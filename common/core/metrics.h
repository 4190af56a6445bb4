// Counters, gauges and histograms, printed in the Prometheus text format. Single-threaded: the
// holder of a pointer adds to it. Names are our own literals; a label's value may come from the
// configuration (metrics_label), never from a caller.
#ifndef DIALIN_METRICS_H
#define DIALIN_METRICS_H

#include "bytes.h"

#include <stdint.h>

#define METRICS_MAX 2048 // series in one process
#define METRICS_LABEL_BYTES 384

struct metrics;
struct metrics_histogram;

struct metrics *metrics_open(void);
void metrics_close(struct metrics *metrics);

// `name` and `help` are borrowed for ever; `labels` (such as `code="busy"`, or NULL) is copied. A
// series may be added at any time. The pointers live as long as `metrics`.
uint64_t *metrics_counter(struct metrics *metrics, const char *name, const char *help,
                          const char *labels);
int64_t *metrics_gauge(struct metrics *metrics, const char *name, const char *help,
                       const char *labels);
// A gauge and a counter of seconds, held in microseconds.
int64_t *metrics_gauge_us(struct metrics *metrics, const char *name, const char *help);
int64_t *metrics_gauge_us_of(struct metrics *metrics, const char *name, const char *help,
                             const char *labels);
int64_t *metrics_counter_us(struct metrics *metrics, const char *name, const char *help);
struct metrics_histogram *metrics_seconds(struct metrics *metrics, const char *name,
                                          const char *help); // 0.5 ms to 120 s
// The same with labels, and bounds of its own in seconds, which are borrowed for ever; NULL: those.
struct metrics_histogram *metrics_histogram(struct metrics *metrics, const char *name,
                                            const char *help, const char *labels,
                                            const double *bounds_s, size_t bounds);
void metrics_observe(struct metrics_histogram *histogram, uint64_t duration_us);

// Writes `name="value"`, escaped as the format wants it; a value that is too long is cut.
void metrics_label(char *out, size_t size, const char *name, const char *value);

// Called before each printing, to set gauges that nobody else keeps up to date.
typedef void metrics_on_print(void *arg);
void metrics_before_print(struct metrics *metrics, metrics_on_print *on_print, void *arg);

// Appends the exposition text to `out`; returns false if its maximum cuts it.
bool metrics_print(const struct metrics *metrics, struct bytes *out);

#endif
