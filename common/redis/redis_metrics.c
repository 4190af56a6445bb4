// See redis_metrics.h.
#include "redis_metrics.h"

#include "memory.h"

#include <stdlib.h>

#define US_PER_MS 1000

struct redis_metrics {
    const struct redis *redis;
    int64_t *up, *ping_us, *offset_us;
    uint64_t *reconnects;
};

static void collect(void *arg)
{
    const struct redis_metrics *metrics = arg;
    const struct redis_figures figures = redis_figures(metrics->redis);
    *metrics->up = figures.is_up;
    *metrics->reconnects = figures.connects > 0 ? figures.connects - 1 : 0;
    *metrics->ping_us = (int64_t)figures.ping_us;
    *metrics->offset_us = figures.offset_ms * US_PER_MS;
}

struct redis_metrics *redis_metrics_open(struct metrics *metrics, const struct redis *redis)
{
    struct redis_metrics *redis_metrics = memory_zeroed(sizeof *redis_metrics);
    redis_metrics->redis = redis;
    redis_metrics->up =
        metrics_gauge(metrics, "dialin_redis_up", "1 while the connection to Redis is up.", NULL);
    redis_metrics->reconnects = metrics_counter(metrics, "dialin_redis_reconnects_total",
                                                "How often it came up again.", NULL);
    redis_metrics->ping_us = metrics_gauge_us(metrics, "dialin_redis_ping_seconds",
                                              "How long Redis took to answer the last TIME.");
    redis_metrics->offset_us =
        metrics_gauge_us(metrics, "dialin_clock_offset_seconds", "Redis' clock less this host's.");
    metrics_before_print(metrics, collect, redis_metrics);
    return redis_metrics;
}

void redis_metrics_close(struct redis_metrics *redis_metrics)
{
    free(redis_metrics);
}
