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
#include <string.h>

#define AGENT_BYTES 257
#define ERROR_BYTES 256

// An agent that answered or failed once.
struct patient {
    struct patient *next;
    struct agent_health *health;
    enum agent_problem problem;
    uint64_t since_ms, logged_ms;
    uint64_t failed;  // attempts since it began
    uint64_t well_ms; // when it answered last; 0: never
    uint64_t failing_ms, warned_ms;
    unsigned in_row; // failures since then, the first of them at `failing_ms`
    char agent[AGENT_BYTES];
    unsigned status;
    char error[ERROR_BYTES];
};

struct agent_health {
    struct redis *commands;
    struct bytes webhooks; // the key of the stream
    struct patient *first;
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
    case AGENT_OUT_OF_REACH:
        return "this worker cannot reach the agent, but others can, so its calls go to them: check "
               "this host's network, DNS and START_CA_FILE";
    case AGENT_FAILS:
    case AGENT_IS_WELL:
        break;
    }
    return "the agent cannot start bots: no connection or an error of its own";
}

static void tell(const struct patient *patient, int64_t waiting)
{
    log_error(sentence_of(patient->problem), log_text("agent", patient->agent),
              log_number("status", patient->status), log_text("error", patient->error),
              log_number("attempts", (int64_t)patient->failed),
              log_number("callers_waiting", waiting),
              log_number("for_s", (int64_t)(loop_now_ms() - patient->since_ms) / 1000));
}

static void on_waiting(const redisReply *reply, void *arg)
{
    const struct patient *patient = arg;
    int64_t waiting = 0;
    if (patient->problem != AGENT_IS_WELL) { // else it is over by now
        if (reply_is_list(reply) && reply->elements > 0) {
            reply_integer(reply->element[0], 0, INT64_MAX, &waiting);
        }
        tell(patient, waiting);
    }
}

static void tell_with_count(struct patient *patient)
{
    const struct agent_health *health = patient->health;
    const struct bytes_view argv[] = {VIEW("XPENDING"), bytes_view(&health->webhooks),
                                      VIEW("workers")};
    patient->logged_ms = loop_now_ms();
    if (!redis_send(health->commands, 3, argv, on_waiting, patient)) {
        tell(patient, 0);
    }
}

static void end_problem(struct patient *patient)
{
    if (patient->problem != AGENT_IS_WELL) {
        log_info("the agent answers again", log_text("agent", patient->agent),
                 log_number("attempts", (int64_t)patient->failed),
                 log_number("for_s", (int64_t)(loop_now_ms() - patient->since_ms) / 1000));
        patient->problem = AGENT_IS_WELL;
    }
}

static struct patient *find(const struct agent_health *health, const char *agent)
{
    struct patient *patient = health->first;
    while (patient && strcmp(patient->agent, agent) != 0) {
        patient = patient->next;
    }
    return patient;
}

static struct patient *add(struct agent_health *health, const char *agent)
{
    struct patient *patient = memory_zeroed(sizeof *patient);
    snprintf(patient->agent, sizeof patient->agent, "%s", agent);
    patient->health = health;
    patient->next = health->first;
    health->first = patient;
    return patient;
}

static bool is_due(const struct patient *patient)
{
    return loop_now_ms() - patient->logged_ms >= AGENT_HEALTH_TELL_MS;
}

void agent_health_remind(struct agent_health *health, enum agent_problem problem)
{
    for (struct patient *patient = health->first; patient; patient = patient->next) {
        if (patient->problem == problem && is_due(patient)) {
            tell_with_count(patient);
        }
    }
}

static void note_answer(struct patient *patient)
{
    patient->well_ms = loop_now_ms();
    patient->in_row = 0;
    end_problem(patient);
}

// A few requests failed, and soon before others succeeded.
static bool is_slip(struct patient *patient, enum agent_problem problem)
{
    uint64_t now_ms = loop_now_ms();
    if (problem != AGENT_FAILS || patient->problem != AGENT_IS_WELL) {
        return false;
    }
    patient->failing_ms = patient->in_row == 0 ? now_ms : patient->failing_ms;
    patient->in_row++;
    return patient->well_ms > 0 && now_ms - patient->well_ms < AGENT_HEALTH_TELL_MS &&
           patient->in_row < AGENT_HEALTH_IN_ROW;
}

static void warn_of_slip(struct patient *patient, unsigned status, const char *error)
{
    uint64_t now_ms = loop_now_ms();
    if (patient->warned_ms == 0 || now_ms - patient->warned_ms >= AGENT_HEALTH_TELL_MS) {
        patient->warned_ms = now_ms;
        log_warning("a request to the agent failed and is repeated; others succeed",
                    log_text("agent", patient->agent), log_number("status", status),
                    log_text("error", error ? error : ""));
    }
}

static void begin_problem(struct patient *patient, enum agent_problem problem)
{
    bool is_failing = problem == AGENT_FAILS && patient->in_row > 0;
    patient->since_ms = is_failing ? patient->failing_ms : loop_now_ms();
    patient->failed = is_failing ? patient->in_row - 1 : 0;
    patient->problem = problem;
}

void agent_health_note(struct agent_health *health, enum agent_problem problem, const char *agent,
                       unsigned status, const char *error)
{
    struct patient *patient = find(health, agent);
    patient = patient ? patient : add(health, agent);
    if (problem == AGENT_IS_WELL) {
        note_answer(patient);
        return;
    }
    if (is_slip(patient, problem)) {
        warn_of_slip(patient, status, error);
        return;
    }
    bool is_new = problem != patient->problem;
    snprintf(patient->error, sizeof patient->error, "%s", error ? error : "");
    patient->status = status;
    if (is_new) {
        begin_problem(patient, problem);
    }
    patient->failed++;
    if (is_new || is_due(patient)) {
        tell_with_count(patient);
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
    while (health->first) {
        struct patient *patient = health->first;
        health->first = patient->next;
        free(patient);
    }
    bytes_release(&health->webhooks);
    free(health);
}
