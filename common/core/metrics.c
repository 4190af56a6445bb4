// See metrics.h. A histogram's buckets are counted one by one and summed up when printed.
#include "metrics.h"

#include "memory.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define US_PER_S 1000000
#define COLLECTORS_MAX 8

static const double BOUNDS_S[] = {0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
                                  0.5,    1,     2.5,   5,     10,   30,    60,   120};

struct metrics_histogram {
    const double *bounds_s;
    size_t bounds;
    uint64_t count;
    uint64_t sum_us;    // whole: a double in short form would stand still from some size on
    uint64_t buckets[]; // one for each bound, and one for more
};

enum kind { COUNTER, COUNTER_US, GAUGE, GAUGE_US, HISTOGRAM };

struct series {
    struct series *next;
    enum kind kind;
    const char *name, *help;
    char *labels; // NULL: none
    uint64_t counter;
    int64_t gauge;
    struct metrics_histogram *histogram;
};

struct collector {
    metrics_on_print *on_print;
    void *arg;
};

struct metrics {
    struct series *first;
    size_t count;
    struct collector collectors[COLLECTORS_MAX];
    size_t collector_count;
};

struct metrics *metrics_open(void)
{
    return memory_zeroed(sizeof(struct metrics));
}

void metrics_close(struct metrics *metrics)
{
    while (metrics->first) {
        struct series *series = metrics->first;
        metrics->first = series->next;
        free(series->histogram);
        free(series->labels);
        free(series);
    }
    free(metrics);
}

// After the last one of its name, or at the end.
static struct series *add(struct metrics *metrics, enum kind kind, const char *name,
                          const char *help, const char *labels)
{
    struct series **link = &metrics->first, **after = NULL;
    assert(metrics->count < METRICS_MAX);
    for (; *link; link = &(*link)->next) {
        after = !strcmp((*link)->name, name) ? &(*link)->next : after;
    }
    link = after ? after : link;
    struct series *series = memory_zeroed(sizeof *series);
    series->kind = kind;
    series->name = name;
    series->help = help;
    series->labels = labels ? memory_text(labels) : NULL;
    series->next = *link;
    *link = series;
    metrics->count++;
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
    return &add(metrics, GAUGE_US, name, help, NULL)->gauge;
}

int64_t *metrics_gauge_us_of(struct metrics *metrics, const char *name, const char *help,
                             const char *labels)
{
    return &add(metrics, GAUGE_US, name, help, labels)->gauge;
}

int64_t *metrics_counter_us(struct metrics *metrics, const char *name, const char *help)
{
    return &add(metrics, COUNTER_US, name, help, NULL)->gauge;
}

struct metrics_histogram *metrics_histogram(struct metrics *metrics, const char *name,
                                            const char *help, const char *labels,
                                            const double *bounds_s, size_t bounds)
{
    struct series *series = add(metrics, HISTOGRAM, name, help, labels);
    if (!bounds_s) {
        bounds_s = BOUNDS_S;
        bounds = sizeof BOUNDS_S / sizeof BOUNDS_S[0];
    }
    struct metrics_histogram *histogram =
        memory_zeroed(sizeof *histogram + (bounds + 1) * sizeof histogram->buckets[0]);
    histogram->bounds_s = bounds_s;
    histogram->bounds = bounds;
    series->histogram = histogram;
    return histogram;
}

struct metrics_histogram *metrics_seconds(struct metrics *metrics, const char *name,
                                          const char *help)
{
    return metrics_histogram(metrics, name, help, NULL, NULL, 0);
}

void metrics_before_print(struct metrics *metrics, metrics_on_print *on_print, void *arg)
{
    assert(metrics->collector_count < COLLECTORS_MAX);
    metrics->collectors[metrics->collector_count++] = (struct collector){on_print, arg};
}

void metrics_label(char *out, size_t size, const char *name, const char *value)
{
    struct bytes text;
    bytes_init(&text, size - 1);
    bytes_printf(&text, "%s=\"", name);
    for (const char *c = value; *c && text.len + 3 < size; c++) {
        const char *escape = *c == '"' ? "\\\"" : *c == '\\' ? "\\\\" : *c == '\n' ? "\\n" : NULL;
        if (escape) {
            bytes_append_text(&text, escape);
        } else {
            bytes_append(&text, c, 1);
        }
    }
    bytes_append_text(&text, "\"");
    view_copy(bytes_view(&text), out, size);
    bytes_release(&text);
}

void metrics_observe(struct metrics_histogram *histogram, uint64_t duration_us)
{
    double seconds = (double)duration_us / US_PER_S;
    size_t bucket = 0;
    while (bucket < histogram->bounds && seconds > histogram->bounds_s[bucket]) {
        bucket++;
    }
    histogram->buckets[bucket]++;
    histogram->count++;
    histogram->sum_us += duration_us;
}

static bool print_histogram(const struct series *series, struct bytes *out)
{
    const struct metrics_histogram *histogram = series->histogram;
    const char *labels = series->labels ? series->labels : "";
    const char *comma = labels[0] ? "," : "", *open = labels[0] ? "{" : "",
               *close = labels[0] ? "}" : "";
    uint64_t below = 0;
    bool fits = true;
    for (size_t i = 0; i < histogram->bounds; i++) {
        below += histogram->buckets[i];
        fits &= bytes_printf(out, "%s_bucket{%s%sle=\"%g\"} %llu\n", series->name, labels, comma,
                             histogram->bounds_s[i], (unsigned long long)below);
    }
    unsigned long long count = histogram->count, sum_us = histogram->sum_us;
    fits &=
        bytes_printf(out, "%s_bucket{%s%sle=\"+Inf\"} %llu\n", series->name, labels, comma, count);
    fits &= bytes_printf(out, "%s_sum%s%s%s %llu.%06llu\n", series->name, open, labels, close,
                         sum_us / US_PER_S, sum_us % US_PER_S);
    fits &= bytes_printf(out, "%s_count%s%s%s %llu\n", series->name, open, labels, close, count);
    return fits;
}

static bool print_us(int64_t value, struct bytes *out)
{
    unsigned long long us = (unsigned long long)(value < 0 ? -value : value);
    return bytes_printf(out, " %s%llu.%06llu\n", value < 0 ? "-" : "", us / US_PER_S,
                        us % US_PER_S);
}

static bool print_value(const struct series *series, struct bytes *out)
{
    bool fits = bytes_append_text(out, series->name);
    if (series->labels) {
        fits &= bytes_printf(out, "{%s}", series->labels);
    }
    if (series->kind == GAUGE_US || series->kind == COUNTER_US) {
        return print_us(series->gauge, out) && fits;
    }
    fits &= series->kind == COUNTER
                ? bytes_printf(out, " %llu\n", (unsigned long long)series->counter)
                : bytes_printf(out, " %lld\n", (long long)series->gauge);
    return fits;
}

bool metrics_print(const struct metrics *metrics, struct bytes *out)
{
    static const char *const KINDS[] = {"counter", "counter", "gauge", "gauge", "histogram"};
    const char *last = "";
    bool fits = true;
    for (size_t i = 0; i < metrics->collector_count; i++) {
        metrics->collectors[i].on_print(metrics->collectors[i].arg);
    }
    for (const struct series *series = metrics->first; series; series = series->next) {
        if (strcmp(last, series->name) != 0) {
            fits &= bytes_printf(out, "# HELP %s %s\n# TYPE %s %s\n", series->name, series->help,
                                 series->name, KINDS[series->kind]);
        }
        last = series->name;
        fits &= series->kind == HISTOGRAM ? print_histogram(series, out) : print_value(series, out);
    }
    return fits;
}
