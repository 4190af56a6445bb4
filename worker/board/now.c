// See now.h. The snapshot's own module reads the reply and makes the JSON; here its numbers are
// hidden.
#include "now.h"

#include "json_line.h"
#include "line_gauges.h"
#include "mask.h"
#include "memory.h"
#include "read_script.h"
#include "redis_keys.h"
#include "snapshot.h"

#include "json.h"

#include <stdlib.h>
#include <string.h>

#define TEXT_BYTES_MAX (512 * 1024)
#define NO_ANSWER "Redis did not answer"
#define NOT_A_SNAPSHOT "Redis sent something else than a snapshot of the queue"

struct now {
    struct redis *redis;
    struct bytes webhooks;
    struct line_gauges *gauges;
    now_on_text *on_text;
    void *arg;
    struct snapshot_memory *memory;
    struct read_script *snapshot, *depth;
    bool is_asking;
    bool is_walking; // deep: a page is out
};

struct now *now_open(struct redis *redis, const char *prefix, struct metrics *metrics,
                     now_on_text *on_text, void *arg)
{
    struct now *now = memory_zeroed(sizeof *now);
    *now = (struct now){.redis = redis, .on_text = on_text, .arg = arg};
    now->gauges = line_gauges_open(metrics);
    redis_key_init(&now->webhooks, prefix, REDIS_KEY_WEBHOOKS);
    now->memory = snapshot_memory_open();
    now->snapshot = read_script_open(redis, SCRIPT_SNAPSHOT, bytes_view(&now->webhooks));
    now->depth = read_script_open(redis, SCRIPT_DEPTH, bytes_view(&now->webhooks));
    return now;
}

void now_close(struct now *now)
{
    read_script_close(now->snapshot);
    read_script_close(now->depth);
    snapshot_memory_close(now->memory);
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
    const uint64_t dialouts = snapshot->dialouts;
    const struct point point = {snapshot->now_ms, snapshot->started, snapshot->lost_ever,
                                snapshot->waiting > dialouts ? snapshot->waiting - dialouts : 0};
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

// --- deep walks: their pages come after the snapshot has been shown, for the next one
// --------------

static void on_page(const redisReply *reply, void *arg);

static void go_deeper(struct now *now)
{
    struct bytes_view args[SNAPSHOT_ARGS_MAX];
    size_t count = now->is_walking ? 0 : snapshot_depth_args(now->memory, args);
    now->is_walking = count > 0 && read_script_send(now->depth, count, args, on_page, now);
}

static void on_page(const redisReply *reply, void *arg)
{
    struct now *now = arg;
    now->is_walking = false;
    if (!read_script_look_at(now->depth, reply)) { // else the same page again
        snapshot_depth_read(now->memory, reply);
    }
    go_deeper(now);
}

// --- a snapshot ---------------------------------------------------------------------------------

static void take_reply(struct now *now, redisReply *reply)
{
    struct snapshot *snapshot = memory_zeroed(sizeof *snapshot);
    if (snapshot_read(snapshot, reply, now->memory)) {
        report_snapshot(now, snapshot);
        go_deeper(now);
    } else {
        report_problem(now, reply_is_error(reply) ? reply->str : NOT_A_SNAPSHOT);
    }
    free(snapshot);
}

static void on_reply(const redisReply *reply, void *arg)
{
    struct now *now = arg;
    const char *reason = redis_not_ready_reason(now->redis);
    now->is_asking = false;
    if (read_script_look_at(now->snapshot, reply)) {
        now_ask(now);
    } else if (reply) {
        redis_keep_reply(now->redis);
        redisReply *own = (redisReply *)(uintptr_t)reply;
        take_reply(now, own);
        freeReplyObject(own);
    } else {
        report_problem(now, reason ? reason : NO_ANSWER);
    }
}

void now_ask(struct now *now)
{
    struct snapshot_query query = snapshot_query_all();
    struct bytes_view args[SNAPSHOT_ARGS_MAX];
    if (now->is_asking) {
        return;
    }
    size_t count = snapshot_args(now->memory, &query, args);
    now->is_asking = read_script_send(now->snapshot, count, args, on_reply, now);
    if (!now->is_asking) {
        const char *reason = redis_not_ready_reason(now->redis);
        report_problem(now, reason ? reason : "Redis is away");
    }
}
