// See recorded_entry.h. Two questions, one after the other: the call's hash, which names its entry,
// and the entry.
#include "recorded_entry.h"

#include "redis_keys.h"

#include <stdio.h>
#include <string.h>

#define DEADLINE_MS 3000

struct reading {
    struct loop *loop;
    struct redis *redis;
    const char *prefix, *call_id;
    struct bytes key;
    char state[32], route[128], agent[512];
    recorded_entry_on_read *on_read;
    void *arg;
};

static void end(struct reading *reading, const char *problem)
{
    if (problem) {
        fprintf(stderr, "dialin-worker: the call '%s' cannot be read: %s\n", reading->call_id,
                problem);
    }
    loop_stop(reading->loop);
}

static void on_entry(const redisReply *reply, void *arg)
{
    struct reading *reading = arg;
    struct webhook_entry entry;
    if (!reply_has_shape(reply, "((s[s]))")) {
        end(reading, "its webhook is no longer kept");
        return;
    }
    const char *flaw = webhook_entry_from_reply(&entry, reply->element[0]->element[1]);
    if (flaw) {
        end(reading, flaw);
        return;
    }
    const struct recorded_place place = {reading->state, reading->route, reading->agent};
    reading->on_read(&entry, &place, reading->arg);
    end(reading, NULL);
}

static void copy(char *out, size_t size, const redisReply *text)
{
    snprintf(out, size, "%s", text->type == REDIS_REPLY_STRING ? text->str : "");
}

static void on_hash(const redisReply *reply, void *arg)
{
    struct reading *reading = arg;
    if (!reply_has_shape(reply, "(s?s?s?s)")) {
        end(reading, "no call is recorded under this id");
        return;
    }
    copy(reading->state, sizeof reading->state, reply->element[1]);
    copy(reading->route, sizeof reading->route, reply->element[2]);
    copy(reading->agent, sizeof reading->agent, reply->element[3]);
    redis_key_set(&reading->key, reading->prefix, REDIS_KEY_WEBHOOKS, VIEW(""));
    const struct bytes_view id = reply_view(reply->element[0]);
    const struct bytes_view argv[] = {VIEW("XRANGE"), bytes_view(&reading->key), id, id};
    if (!redis_send(reading->redis, 4, argv, on_entry, reading)) {
        end(reading, "Redis is away");
    }
}

static void on_state(bool up, void *arg)
{
    struct reading *reading = arg;
    redis_key_set(&reading->key, reading->prefix, REDIS_KEY_CALL, view_of_text(reading->call_id));
    const struct bytes_view argv[] = {VIEW("HMGET"), bytes_view(&reading->key),
                                      VIEW("entry"), VIEW("state"),
                                      VIEW("route"), VIEW("agent")};
    if (up && !redis_send(reading->redis, 6, argv, on_hash, reading)) {
        end(reading, "Redis is away");
    }
}

static void on_problem(const char *problem, bool refuses, void *arg)
{
    (void)refuses;
    end(arg, problem);
}

void recorded_entry_read(const struct redis_address *address, const char *prefix,
                         const char *call_id, recorded_entry_on_read *on_read, void *arg)
{
    struct reading reading = {.prefix = prefix, .call_id = call_id, .on_read = on_read, .arg = arg};
    redis_key_init(&reading.key, prefix, REDIS_KEY_CALL);
    reading.loop = loop_open();
    reading.redis = redis_open_for_tool(reading.loop, address, "dialin-worker", DEADLINE_MS,
                                        on_state, on_problem, &reading);
    loop_run(reading.loop);
    redis_close(reading.redis);
    loop_close(reading.loop);
    bytes_release(&reading.key);
}
