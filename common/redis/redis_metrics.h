// How the connection to Redis is, for /metrics of every program.
#ifndef DIALIN_REDIS_METRICS_H
#define DIALIN_REDIS_METRICS_H

#include "metrics.h"
#include "redis.h"

struct redis_metrics;

// Both are borrowed; the connection must live until the last printing.
struct redis_metrics *redis_metrics_open(struct metrics *metrics, const struct redis *redis);
void redis_metrics_close(struct redis_metrics *redis_metrics);

#endif
