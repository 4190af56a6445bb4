// See agent_health.h. Redis is asked how many callers wait, since they belong to no worker; the
// line is written when its reply comes, or without the number if Redis does not tell.
#include "agent_health.h"

#include "log.h"
#include "loop.h"
#include "memory.h"
#include "redis_keys.h"
#include "redis_reply.h"

#include <stdio.h>
#include <stdlib.h>

#define AGENT_BYTES 257
#define ERROR_BYTES 256

struct agent_health {
    struct redis *commands;
    struct bytes webhooks; // the key of the stream
    enum agent_problem problem;
    uint64_t since_ms, logged_ms;
    uint64_t failed; // attempts since it began
    char agent[AGENT_BYTES];
    unsigned status;
    char error[ERROR_BYTES];
};

static const char *sentence_of(enum agent_problem problem)
{
    switch (problem) {
    case AGENT_REJECTS_US:
        return "the agent rejected our configuration, not the call: check START_URL or "
               "AGENT_NAME, and the key";
    case AGENT_REJECTS_CALLS:
        return "the agent rejects every call, so the agent or the request is wrong, not the calls: "
               "look at an attempt's answer (dialin-audit show)";
    case AGENT_FAILS:
    case AGENT_IS_WELL:
        break;
    }
    return "the agent cannot start bots: no connection or an error of its own";
}

static void tell(const struct agent_health *health, int64_t waiting)
{
    log_error(sentence_of(health->problem), log_text("agent", health->agent),
              log_number("status", health->status), log_text("error", health->error),
              log_number("attempts", (int64_t)health->failed),
              log_number("callers_waiting", waiting),
              log_number("for_s", (int64_t)(loop_now_ms() - health->since_ms) / 1000));
}

static void on_waiting(const redisReply *reply, void *arg)
{
    const struct agent_health *health = arg;
    int64_t waiting = 0;
    if (health->problem != AGENT_IS_WELL) { // else it is over by now
        if (reply_is_list(reply) && reply->elements > 0) {
            reply_integer(reply->element[0], 0, INT64_MAX, &waiting);
        }
        tell(health, waiting);
    }
}

static void tell_with_count(struct agent_health *health)
{
    const struct bytes_view argv[] = {VIEW("XPENDING"), bytes_view(&health->webhooks),
                                      VIEW("workers")};
    health->logged_ms = loop_now_ms();
    if (!redis_send(health->commands, 3, argv, on_waiting, health)) {
        tell(health, 0);
    }
}

static void end_problem(struct agent_health *health)
{
    if (health->problem != AGENT_IS_WELL) {
        log_info("the agent answers again", log_text("agent", health->agent),
                 log_number("attempts", (int64_t)health->failed),
                 log_number("for_s", (int64_t)(loop_now_ms() - health->since_ms) / 1000));
        health->problem = AGENT_IS_WELL;
    }
}

void agent_health_note(struct agent_health *health, enum agent_problem problem, const char *agent,
                       unsigned status, const char *error)
{
    bool is_new = problem != health->problem;
    if (problem == AGENT_IS_WELL) {
        end_problem(health);
        return;
    }
    snprintf(health->agent, sizeof health->agent, "%s", agent);
    snprintf(health->error, sizeof health->error, "%s", error ? error : "");
    health->status = status;
    if (is_new) {
        health->since_ms = loop_now_ms();
        health->failed = 0;
        health->problem = problem;
    }
    health->failed++;
    if (is_new || loop_now_ms() - health->logged_ms >= AGENT_HEALTH_TELL_MS) {
        tell_with_count(health);
    }
}

struct agent_health *agent_health_open(struct redis *commands, const char *prefix)
{
    struct agent_health *health = memory_zeroed(sizeof *health);
    health->commands = commands;
    redis_key_init(&health->webhooks, prefix, REDIS_KEY_WEBHOOKS);
    return health;
}

void agent_health_close(struct agent_health *health)
{
    bytes_release(&health->webhooks);
    free(health);
}
