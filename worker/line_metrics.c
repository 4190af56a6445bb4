// See line_metrics.h.
#include "line_metrics.h"

#include "line_gauges.h"
#include "memory.h"

#include <stdlib.h>

struct line_metrics {
    struct scripts *scripts;
    struct line_gauges *gauges;
    line_metrics_on_snapshot *on_snapshot;
    void *arg;
    struct loop_timer *timer;
    struct snapshot_memory *memory;
    bool is_reading; // a snapshot, or a page of a deep walk
    unsigned minutes_back;
    int64_t *unread, *unfinished, *waiting, *workers, *oldest_s;
};

// --- reading -----------------------------------------------------------------------------------

static void take(struct line_metrics *metrics, const struct snapshot *snapshot)
{
    line_gauges_take(metrics->gauges, snapshot);
    if (snapshot->unread >= 0) {
        *metrics->unread = snapshot->unread;
        *metrics->unfinished =
            snapshot->unread + (int64_t)snapshot->pending - (int64_t)snapshot->ended_unread;
    }
    *metrics->waiting = (int64_t)snapshot->waiting;
    *metrics->workers = (int64_t)snapshot->workers;
    *metrics->oldest_s = (int64_t)(snapshot->record_oldest_ms / 1000);
    if (metrics->on_snapshot) {
        metrics->on_snapshot(snapshot, metrics->arg);
    }
}

static void on_page(const redisReply *reply, void *arg);

static void go_deeper(struct line_metrics *metrics)
{
    struct bytes_view args[SNAPSHOT_ARGS_MAX];
    size_t count = snapshot_depth_args(metrics->memory, args);
    metrics->is_reading =
        count > 0 && scripts_send(metrics->scripts, SCRIPT_DEPTH, count, args, on_page, metrics);
}

static void on_page(const redisReply *reply, void *arg)
{
    struct line_metrics *metrics = arg;
    scripts_look_at(metrics->scripts, reply);
    snapshot_depth_read(metrics->memory, reply);
    go_deeper(metrics);
}

static void on_read(const redisReply *reply, void *arg)
{
    struct line_metrics *metrics = arg;
    struct snapshot snapshot;
    metrics->is_reading = false;
    scripts_look_at(metrics->scripts, reply);
    if (!reply) {
        return;
    }
    scripts_keep_reply(metrics->scripts);
    redisReply *own = (redisReply *)(uintptr_t)reply;
    if (snapshot_read(&snapshot, own, metrics->memory)) {
        take(metrics, &snapshot);
        go_deeper(metrics);
    }
    freeReplyObject(own);
}

static void read_queue(void *arg)
{
    struct line_metrics *metrics = arg;
    struct bytes_view args[SNAPSHOT_ARGS_MAX];
    loop_timer_start(metrics->timer, LINE_METRICS_EVERY_MS);
    if (!metrics->is_reading) {
        const struct snapshot_query query = {
            .walk = FORECAST_WALK_MAX,
            .programs = metrics->minutes_back > 0,
            .minutes_back = metrics->minutes_back,
        };
        size_t count = snapshot_args(metrics->memory, &query, args);
        metrics->is_reading =
            scripts_send(metrics->scripts, SCRIPT_SNAPSHOT, count, args, on_read, metrics);
    }
}

// --- opening and closing -----------------------------------------------------------------------

struct line_metrics *line_metrics_open(struct loop *loop, struct scripts *scripts,
                                       struct metrics *metrics,
                                       line_metrics_on_snapshot *on_snapshot, void *arg)
{
    struct line_metrics *line = memory_zeroed(sizeof *line);
    line->scripts = scripts;
    line->memory = snapshot_memory_open();
    line->gauges = line_gauges_open(metrics);
    line->on_snapshot = on_snapshot;
    line->arg = arg;
    line->unread = metrics_gauge(metrics, "dialin_entries_unread",
                                 "Webhooks in the stream that no worker has read.", NULL);
    line->unfinished = metrics_gauge(metrics, "dialin_entries_unfinished",
                                     "Webhooks in the stream that no worker has finished.", NULL);
    line->waiting =
        metrics_gauge(metrics, "dialin_entries_in_line", "Calls that wait for an agent.", NULL);
    line->workers = metrics_gauge(metrics, "dialin_workers", "Workers that hold a lease.", NULL);
    line->oldest_s =
        metrics_gauge(metrics, "dialin_record_oldest_timestamp_seconds",
                      "When the oldest webhook came that is still kept; 0: none is.", NULL);
    line->timer = loop_timer_open(loop, read_queue, line);
    loop_timer_start(line->timer, LINE_METRICS_EVERY_MS);
    return line;
}

void line_metrics_read_all(struct line_metrics *line_metrics, unsigned minutes_back)
{
    line_metrics->minutes_back = minutes_back;
}

void line_metrics_close(struct line_metrics *line_metrics)
{
    loop_timer_close(line_metrics->timer);
    snapshot_memory_close(line_metrics->memory);
    line_gauges_close(line_metrics->gauges);
    free(line_metrics);
}
