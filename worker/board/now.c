// See now.h. The snapshot's own module reads the reply and makes the JSON; here its numbers are
// hidden.
#include "now.h"

#include "json_line.h"
#include "line_gauges.h"
#include "mask.h"
#include "memory.h"
#include "redis_keys.h"
#include "snapshot.h"

#include "json.h"

#include <stdlib.h>
#include <string.h>

#define TEXT_BYTES_MAX (512 * 1024)

struct now {
    struct redis *redis;
    struct bytes webhooks;
    struct line_gauges *gauges;
    now_on_text *on_text;
    void *arg;
    bool is_asking;
};

struct now *now_open(struct redis *redis, const char *prefix, struct metrics *metrics,
                     now_on_text *on_text, void *arg)
{
    struct now *now = memory_zeroed(sizeof *now);
    *now = (struct now){.redis = redis, .on_text = on_text, .arg = arg};
    now->gauges = line_gauges_open(metrics);
    redis_key_init(&now->webhooks, prefix, REDIS_KEY_WEBHOOKS);
    return now;
}

void now_close(struct now *now)
{
    line_gauges_close(now->gauges);
    bytes_release(&now->webhooks);
    free(now);
}

static void report_problem(struct now *now, const char *problem)
{
    struct bytes text, sentence;
    bytes_init(&text, TEXT_BYTES_MAX);
    bytes_init(&sentence, 4096);
    bytes_printf(&sentence, "Nothing is known of the calls: %s", problem);
    bytes_printf(&text, "{\"now_ms\":%llu,\"level\":\"bad\",\"redis_problem\":",
                 (unsigned long long)redis_now_ms(now->redis));
    json_append_text(&text, view_of_text(problem));
    bytes_append_text(&text, ",\"sentence\":");
    json_append_text(&text, bytes_view(&sentence));
    bytes_append_text(&text, "}");
    now->on_text(bytes_view(&text), NULL, now->arg);
    bytes_release(&text);
    bytes_release(&sentence);
}

static void report_snapshot(struct now *now, const struct snapshot *snapshot)
{
    const struct point point = {snapshot->now_ms, snapshot->started, snapshot->lost_ever,
                                snapshot->waiting};
    struct json_line line;
    struct bytes text;
    line_gauges_take(now->gauges, snapshot);
    json_line_init(&line);
    snapshot_to_json(snapshot, &line);
    json_line_number(&line, "started", snapshot->started);
    json_line_number(&line, "lost_ever", snapshot->lost_ever);
    bytes_append_text(&line.text, "}");
    bytes_init(&text, TEXT_BYTES_MAX);
    cJSON *tree = cJSON_Parse(bytes_text(&line.text));
    mask_tree(tree);
    if (tree && json_print(tree, &text)) {
        now->on_text(bytes_view(&text), &point, now->arg);
    } else {
        report_problem(now, "the snapshot is too large");
    }
    cJSON_Delete(tree);
    bytes_release(&text);
    json_line_release(&line);
}

static void on_reply(const redisReply *reply, void *arg)
{
    struct now *now = arg;
    struct snapshot *snapshot = memory_zeroed(sizeof *snapshot);
    const char *reason = redis_not_ready_reason(now->redis);
    now->is_asking = false;
    if (reply && snapshot_read(snapshot, reply)) {
        report_snapshot(now, snapshot);
    } else if (reply && reply_is_error(reply)) {
        report_problem(now, reply->str);
    } else {
        report_problem(now, reason ? reason : "Redis did not answer");
    }
    free(snapshot);
}

void now_ask(struct now *now)
{
    struct snapshot_query query = snapshot_query_all();
    struct snapshot_numbers numbers;
    struct bytes_view argv[SNAPSHOT_ARGS_MAX];
    if (now->is_asking) {
        return;
    }
    query.events = 0;
    snapshot_command(&query, bytes_view(&now->webhooks), &numbers, argv);
    now->is_asking = redis_send(now->redis, SNAPSHOT_ARGS_MAX, argv, on_reply, now);
    if (!now->is_asking) {
        const char *reason = redis_not_ready_reason(now->redis);
        report_problem(now, reason ? reason : "Redis is away");
    }
}
