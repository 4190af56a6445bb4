// See now.h. The snapshot's own module reads the reply and makes the JSON; here its numbers are
// hidden.
#include "now.h"

#include "json_line.h"
#include "line_gauges.h"
#include "mask.h"
#include "memory.h"
#include "read_script.h"
#include "snapshot.h"

#include "json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NO_ANSWER "Redis did not answer"
#define NOT_A_SNAPSHOT "Redis sent something else than a snapshot of the queue"

struct now {
    struct redis *redis;
    struct line_gauges *gauges;
    now_on_part *on_part;
    void *arg;
    struct snapshot_memory *memory;
    struct read_script *snapshot, *depth;
    bool is_asking;
    bool is_walking; // deep: a page is out
};

struct now *now_open(struct redis *redis, const char *prefix, struct metrics *metrics,
                     now_on_part *on_part, void *arg)
{
    struct now *now = memory_zeroed(sizeof *now);
    *now = (struct now){.redis = redis, .on_part = on_part, .arg = arg};
    now->gauges = metrics ? line_gauges_open(metrics) : NULL;
    now->memory = snapshot_memory_open();
    now->snapshot = read_script_open(redis, SCRIPT_SNAPSHOT, prefix);
    now->depth = read_script_open(redis, SCRIPT_DEPTH, prefix);
    return now;
}

void now_close(struct now *now)
{
    read_script_close(now->snapshot);
    read_script_close(now->depth);
    snapshot_memory_close(now->memory);
    if (now->gauges) {
        line_gauges_close(now->gauges);
    }
    free(now);
}

static void report_problem(struct now *now, const char *problem)
{
    struct overview_part part = {.tree = cJSON_CreateObject()};
    struct snapshot_summary *summary = &part.summary;
    summary->level = SNAPSHOT_BAD;
    snprintf(summary->problems, sizeof summary->problems,
             "Nothing is known of the calls: %.1024s. ", problem);
    size_t len = strlen(summary->problems);
    cJSON_AddNumberToObject(part.tree, "now_ms", (double)redis_now_ms(now->redis));
    cJSON_AddStringToObject(part.tree, "level", snapshot_level_name(summary->level));
    cJSON_AddStringToObject(part.tree, "redis_problem", problem);
    summary->problems[len - 2] = '\0';
    cJSON_AddStringToObject(part.tree, "sentence", summary->problems);
    memcpy(summary->problems + len - 2, ". ", sizeof ". ");
    now->on_part(&part, now->arg);
}

static void report_snapshot(struct now *now, const struct snapshot *snapshot)
{
    const uint64_t dialouts = snapshot->dialouts;
    struct overview_part part = {
        .is_known = true,
        .point = {snapshot->now_ms, snapshot->started, snapshot->lost_ever,
                  snapshot->waiting > dialouts ? snapshot->waiting - dialouts : 0}};
    struct json_line line;
    if (now->gauges) {
        line_gauges_take(now->gauges, snapshot);
    }
    json_line_init(&line);
    snapshot_to_json(snapshot, &line);
    json_line_number(&line, "started", snapshot->started);
    json_line_number(&line, "lost_ever", snapshot->lost_ever);
    bytes_append_text(&line.text, "}");
    snapshot_summarise(snapshot, &part.summary);
    part.tree = cJSON_Parse(bytes_text(&line.text));
    json_line_release(&line);
    mask_tree(part.tree);
    if (part.tree) {
        now->on_part(&part, now->arg);
    } else {
        report_problem(now, "the snapshot is too large");
    }
}

// --- deep walks ---------------------------------------------------------------------------------
// Their pages come after the snapshot has been shown, for the next one.

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
