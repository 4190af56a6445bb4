// See metrics.h. A fixed table of series; a histogram's buckets are counted one by one and summed
// up when printed.
#include "metrics.h"

#include "memory.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define US_PER_S 1000000

static const double BOUNDS_S[] = {0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
                                  0.5,    1,     2.5,   5,     10,   30,    60,   120};
#define BOUNDS (sizeof BOUNDS_S / sizeof BOUNDS_S[0])

struct metrics_histogram {
    uint64_t buckets[BOUNDS + 1];
    uint64_t count;
    uint64_t sum_us; // whole: a double in short form would stand still from some size on
};

enum kind { COUNTER, GAUGE, GAUGE_S, HISTOGRAM };

struct series {
    enum kind kind;
    const char *name, *help, *labels;
    uint64_t counter;
    int64_t gauge;
    struct metrics_histogram *histogram;
};

struct metrics {
    struct series series[METRICS_MAX];
    size_t count;
};

struct metrics *metrics_open(void)
{
    return memory_zeroed(sizeof(struct metrics));
}

void metrics_close(struct metrics *metrics)
{
    for (size_t i = 0; i < metrics->count; i++) {
        free(metrics->series[i].histogram);
    }
    free(metrics);
}

static struct series *add(struct metrics *metrics, enum kind kind, const char *name,
                          const char *help, const char *labels)
{
    assert(metrics->count < METRICS_MAX);
    struct series *series = &metrics->series[metrics->count++];
    series->kind = kind;
    series->name = name;
    series->help = help;
    series->labels = labels;
    return series;
}

uint64_t *metrics_counter(struct metrics *metrics, const char *name, const char *help,
                          const char *labels)
{
    return &add(metrics, COUNTER, name, help, labels)->counter;
}

int64_t *metrics_gauge(struct metrics *metrics, const char *name, const char *help,
                       const char *labels)
{
    return &add(metrics, GAUGE, name, help, labels)->gauge;
}

int64_t *metrics_gauge_us(struct metrics *metrics, const char *name, const char *help)
{
    return &add(metrics, GAUGE_S, name, help, NULL)->gauge;
}

struct metrics_histogram *metrics_seconds(struct metrics *metrics, const char *name,
                                          const char *help)
{
    struct series *series = add(metrics, HISTOGRAM, name, help, NULL);
    series->histogram = memory_zeroed(sizeof *series->histogram);
    return series->histogram;
}

void metrics_observe(struct metrics_histogram *histogram, uint64_t duration_us)
{
    double seconds = (double)duration_us / US_PER_S;
    size_t bucket = 0;
    while (bucket < BOUNDS && seconds > BOUNDS_S[bucket]) {
        bucket++;
    }
    histogram->buckets[bucket]++;
    histogram->count++;
    histogram->sum_us += duration_us;
}

static bool print_histogram(const struct series *series, struct bytes *out)
{
    const struct metrics_histogram *histogram = series->histogram;
    uint64_t below = 0;
    bool fits = true;
    for (size_t i = 0; i < BOUNDS; i++) {
        below += histogram->buckets[i];
        fits &= bytes_printf(out, "%s_bucket{le=\"%g\"} %llu\n", series->name, BOUNDS_S[i],
                             (unsigned long long)below);
    }
    unsigned long long count = histogram->count, sum_us = histogram->sum_us;
    fits &= bytes_printf(out, "%s_bucket{le=\"+Inf\"} %llu\n", series->name, count);
    fits &= bytes_printf(out, "%s_sum %llu.%06llu\n", series->name, sum_us / US_PER_S,
                         sum_us % US_PER_S);
    fits &= bytes_printf(out, "%s_count %llu\n", series->name, count);
    return fits;
}

static bool print_value(const struct series *series, struct bytes *out)
{
    bool fits = bytes_append_text(out, series->name);
    if (series->labels) {
        fits &= bytes_printf(out, "{%s}", series->labels);
    }
    const long long gauge = series->gauge;
    if (series->kind == COUNTER) {
        return fits & bytes_printf(out, " %llu\n", (unsigned long long)series->counter);
    }
    return fits & (series->kind == GAUGE
                       ? bytes_printf(out, " %lld\n", gauge)
                       : bytes_printf(out, " %lld.%06lld\n", gauge / US_PER_S, gauge % US_PER_S));
}

bool metrics_print(const struct metrics *metrics, struct bytes *out)
{
    static const char *const KINDS[] = {"counter", "gauge", "gauge", "histogram"};
    bool fits = true;
    for (size_t i = 0; i < metrics->count; i++) {
        const struct series *series = &metrics->series[i];
        if (i == 0 || strcmp(metrics->series[i - 1].name, series->name) != 0) {
            fits &= bytes_printf(out, "# HELP %s %s\n# TYPE %s %s\n", series->name, series->help,
                                 series->name, KINDS[series->kind]);
        }
        fits &= series->kind == HISTOGRAM ? print_histogram(series, out) : print_value(series, out);
    }
    return fits;
}
