// See write_probe.h. The trial is an XADD with the id 0-0. Redis first makes the checks of
// every write (rights, slot, memory, role, replicas, disk) and then refuses the id itself, with an
// error of its own, before it looks at the key. Hence the XRANGE beside it, of nothing, for the
// key's type.
#include "write_probe.h"

#include "log.h"
#include "memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REFUSAL_BYTES 200

struct write_probe {
    struct bytes_view stream;
    loop_on_time *on_change;
    void *arg;
    struct redis *redis; // NULL: it is down
    struct loop_timer *timer;
    uint64_t *refusals;
    uint64_t written_ms; // when a write last worked; 0: none since it is up
    bool is_trying, may_not_read, is_said;
    bool is_wrong_type; // as the XRANGE of this trial said
    char refusal[REFUSAL_BYTES];
    char not_ready_reason[REFUSAL_BYTES + 64];
    uint64_t said_ms, refused; // since it was said
};

bool write_probe_is_good(const struct write_probe *probe)
{
    return probe->redis && probe->written_ms > 0 && !probe->refusal[0];
}

const char *write_probe_not_ready_reason(const struct write_probe *probe)
{
    return probe->refusal[0] ? probe->not_ready_reason
           : probe->written_ms == 0
               ? "Redis is connected; whether it can be written to is not known "
                 "yet"
               : NULL;
}

// --- the verdict --------------------------------------------------------------------------------

static void say_refusal(struct write_probe *probe)
{
    uint64_t now_ms = loop_now_ms();
    probe->refused++;
    if (probe->said_ms == 0 || now_ms - probe->said_ms >= WRITE_PROBE_SAY_MS) {
        log_error("Redis refuses webhooks", log_text("error", probe->refusal),
                  log_number("refusals", (int64_t)probe->refused));
        probe->said_ms = now_ms;
        probe->is_said = true;
        probe->refused = 0;
    }
}

static void refused(struct write_probe *probe, const char *error)
{
    bool was_good = write_probe_is_good(probe);
    (*probe->refusals)++;
    snprintf(probe->refusal, sizeof probe->refusal, "%s", error);
    snprintf(probe->not_ready_reason, sizeof probe->not_ready_reason, "Redis refuses webhooks: %s",
             probe->refusal);
    say_refusal(probe);
    loop_timer_start(probe->timer, WRITE_PROBE_AGAIN_MS);
    if (was_good) {
        probe->on_change(probe->arg);
    }
}

static void worked(struct write_probe *probe)
{
    bool was_good = write_probe_is_good(probe);
    probe->written_ms = loop_now_ms();
    if (probe->refusal[0]) {
        if (probe->is_said) {
            log_info("Redis takes webhooks again", log_text("refused", probe->refusal));
        }
        probe->refusal[0] = '\0';
        probe->is_said = false;
    }
    if (!was_good && write_probe_is_good(probe)) {
        loop_timer_start(probe->timer, WRITE_PROBE_EVERY_MS);
        probe->on_change(probe->arg);
    }
}

void write_probe_note(struct write_probe *probe, const redisReply *reply, bool is_written)
{
    if (is_written) {
        worked(probe);
    } else {
        refused(probe, reply_is_error(reply) ? reply->str : "the reply to XADD is not understood");
    }
}

// --- the trial ----------------------------------------------------------------------------------

static bool begins(const redisReply *reply, const char *text)
{
    return reply_is_error(reply) && !strncmp(reply->str, text, strlen(text));
}

// Of the XRANGE: only the key's type matters.
static void on_looked(const redisReply *reply, void *arg)
{
    struct write_probe *probe = arg;
    probe->is_wrong_type = begins(reply, "WRONGTYPE");
    probe->may_not_read = probe->may_not_read || begins(reply, "NOPERM");
    if (probe->is_wrong_type && probe->redis) {
        refused(probe, reply->str);
    }
}

static void on_tried(const redisReply *reply, void *arg)
{
    struct write_probe *probe = arg;
    probe->is_trying = false;
    if (!reply || !probe->redis || probe->is_wrong_type) {
        return;
    }
    bool is_good = begins(reply, "ERR") && strstr(reply->str, "XADD");
    if (is_good) {
        worked(probe);
    } else {
        write_probe_note(probe, reply, false);
    }
}

static void try_to_write(void *arg)
{
    struct write_probe *probe = arg;
    const struct bytes_view look[] = {VIEW("XRANGE"), probe->stream, VIEW("-"),
                                      VIEW("-"),      VIEW("COUNT"), VIEW("1")};
    const struct bytes_view write[] = {VIEW("XADD"), probe->stream, VIEW("0-0"), VIEW("probe"),
                                       VIEW("1")};
    loop_timer_start(probe->timer, probe->refusal[0] ? WRITE_PROBE_AGAIN_MS : WRITE_PROBE_EVERY_MS);
    bool is_fresh =
        write_probe_is_good(probe) && loop_now_ms() - probe->written_ms < WRITE_PROBE_EVERY_MS;
    if (!probe->redis || probe->is_trying || is_fresh) {
        return;
    }
    probe->is_wrong_type = false;
    if (!probe->may_not_read) {
        redis_send(probe->redis, 6, look, on_looked, probe);
    }
    probe->is_trying = redis_send(probe->redis, 5, write, on_tried, probe);
}

// --- opening and closing ------------------------------------------------------------------------

void write_probe_on_up(struct write_probe *probe, struct redis *redis)
{
    probe->redis = redis;
    probe->written_ms = 0;
    probe->is_trying = false;
    try_to_write(probe);
}

void write_probe_on_down(struct write_probe *probe)
{
    probe->redis = NULL;
    probe->written_ms = 0;
}

struct write_probe *write_probe_open(struct loop *loop, struct bytes_view stream,
                                     uint64_t *refusals, loop_on_time *on_change, void *arg)
{
    struct write_probe *probe = memory_zeroed(sizeof *probe);
    probe->refusals = refusals;
    probe->stream = stream;
    probe->on_change = on_change;
    probe->arg = arg;
    probe->timer = loop_timer_open(loop, try_to_write, probe);
    return probe;
}

void write_probe_close(struct write_probe *probe)
{
    loop_timer_close(probe->timer);
    free(probe);
}
