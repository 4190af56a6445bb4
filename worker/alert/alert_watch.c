// See alert_watch.h. Counts in Redis are compared with how many were told of. The counters of
// programs are kept in slots of time, since each worker reads them at another moment. A state
// begins and ends.
#include "alert_watch.h"

#include "agent_names.h"
#include "alert_sources.h"
#include "alert_tally.h"
#include "memory.h"

#include <stdlib.h>
#include <string.h>

// A count of all calls, in Redis.
struct counted {
    bool is_known;
    uint64_t told, now;
    uint64_t since_ms; // when it first exceeded `told`; 0: it does not
};

struct state {
    uint64_t since_ms; // 0: it does not hold
};

struct attempts_of {
    struct alert_tally tallies[ALERT_ATTEMPT_KINDS];
};

struct alert_watch {
    struct alert_sources *sources;
    uint64_t now_ms;     // of the last reading; 0: there was none
    uint64_t sources_ms; // of the last look at the counters of programs
    struct counted lost, rejected, never_connected;
    struct alert_tally refused;
    struct agent_names names;
    struct attempts_of *agents[AGENT_NAMES_SLOTS]; // of the names
    struct state will_be_lost, service_low;
    struct alert_facts at_risk, service; // of the last reading
};

const char *alert_kind_name(enum alert_kind kind)
{
    static const char *const NAMES[] = {
#define ALERT_KIND(name, text) text,
        ALERT_KIND_TABLE(ALERT_KIND)
#undef ALERT_KIND
    };
    return NAMES[kind];
}

static uint64_t left(uint64_t later, uint64_t earlier)
{
    return later > earlier ? later - earlier : 0;
}

static uint64_t later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

// --- counts in Redis ----------------------------------------------------------------------------

static uint64_t count_at(const struct snapshot *snapshot, const char *name)
{
    return view_number(reply_field(snapshot->counts, name));
}

// A count goes back if a bot answers late, or if Redis has lost it: then less was told of.
static void take_count(struct counted *counted, uint64_t now, uint64_t now_ms)
{
    bool was_known = counted->is_known;
    counted->is_known = true;
    counted->now = now;
    counted->told = was_known && counted->told < now ? counted->told : now;
    if (counted->told == now) {
        counted->since_ms = 0;
    } else if (counted->since_ms == 0) {
        counted->since_ms = now_ms;
    }
}

static void note_told(struct counted *counted, uint64_t mark)
{
    counted->told = mark > counted->told ? mark : counted->told;
    counted->since_ms = counted->told < counted->now ? counted->since_ms : 0;
}

static bool count_is_due(const struct counted *counted, struct alert_facts *facts)
{
    facts->count = left(counted->now, counted->told); // another worker may have read it later
    facts->mark = counted->now;
    facts->since_ms = counted->since_ms;
    return facts->count > 0;
}

// --- counters of programs ------------------------------------------------------------------------

static struct attempts_of *attempts_of(struct alert_watch *watch, const char *agent)
{
    size_t before = watch->names.count;
    size_t slot = agent_names_slot(&watch->names, agent);
    if (watch->names.count > before) {
        watch->agents[slot] = memory_zeroed(sizeof *watch->agents[slot]);
    }
    return watch->agents[slot];
}

static void on_growth(const struct alert_growth *growth, void *arg)
{
    struct alert_watch *watch = arg;
    if (!growth->agent) {
        alert_tally_add(&watch->refused, growth->at_ms, growth->refused);
        return;
    }
    struct attempts_of *attempts = attempts_of(watch, growth->agent);
    for (size_t i = 0; i < ALERT_ATTEMPT_KINDS; i++) {
        alert_tally_add(&attempts->tallies[i], growth->at_ms, growth->attempts[i]);
    }
}

static uint64_t kept_ms(enum alert_attempt attempt)
{
    return attempt == ALERT_ATTEMPT_UNKNOWN ? ALERT_UNKNOWN_MS : ALERT_ATTEMPTS_MS;
}

static void forget_old(struct alert_watch *watch)
{
    for (size_t i = 0; i < watch->names.count; i++) {
        for (enum alert_attempt k = 0; k < ALERT_ATTEMPT_KINDS; k++) {
            alert_tally_forget(&watch->agents[i]->tallies[k], left(watch->now_ms, kept_ms(k)));
        }
    }
}

static void add_agent(struct alert_facts *facts, const struct alert_agent *agent)
{
    if (facts->agent_count < ALERT_AGENTS_TOLD_MAX) {
        facts->agents[facts->agent_count++] = *agent;
    } else {
        facts->agents_left_out++;
    }
}

static bool attempts_are_due(const struct alert_watch *watch, enum alert_attempt attempt,
                             uint64_t more_than, struct alert_facts *facts)
{
    for (size_t i = 0; i < watch->names.count; i++) {
        const struct alert_tally *tally = &watch->agents[i]->tallies[attempt];
        struct alert_agent agent = {.count = alert_tally_count(tally)};
        if (agent.count > more_than) {
            uint64_t since_ms = alert_tally_since_ms(tally);
            memcpy(agent.name, watch->names.list[i], sizeof agent.name);
            facts->since_ms =
                facts->count == 0 || since_ms < facts->since_ms ? since_ms : facts->since_ms;
            facts->count += agent.count;
            facts->mark = later(facts->mark, alert_tally_last_ms(tally));
            add_agent(facts, &agent);
        }
    }
    return facts->count > 0;
}

static bool refusals_are_due(const struct alert_watch *watch, struct alert_facts *facts)
{
    facts->mark = alert_tally_last_ms(&watch->refused);
    facts->count = alert_tally_count(&watch->refused);
    facts->since_ms = alert_tally_since_ms(&watch->refused);
    return facts->count > 0;
}

// --- states -------------------------------------------------------------------------------------

static void take_state(struct state *state, bool holds, uint64_t now_ms, bool begins_anew)
{
    if (!holds) {
        state->since_ms = 0;
    } else if (state->since_ms == 0 || begins_anew || state->since_ms > now_ms) {
        state->since_ms = now_ms;
    }
}

static bool state_is_due(const struct alert_watch *watch, const struct state *state,
                         uint64_t after_ms, const struct alert_facts *of_reading,
                         struct alert_facts *facts)
{
    *facts = *of_reading;
    facts->since_ms = state->since_ms;
    facts->now_ms = facts->mark = watch->now_ms;
    return state->since_ms > 0 && watch->now_ms - state->since_ms >= after_ms;
}

static void find_at_risk(const struct snapshot *snapshot, struct alert_facts *facts)
{
    *facts = (struct alert_facts){0};
    for (size_t i = 0; i < snapshot->agent_count; i++) {
        const struct snapshot_agent *agent = &snapshot->agents[i];
        struct alert_agent at_risk = {
            .count = agent->waiting, .lost = agent->lost, .oldest_ms = agent->oldest_ms};
        if (agent->lost > 0 || agent->oldest_ms > ALERT_OLDEST_MS) {
            view_copy(view_of_text(agent->name), at_risk.name, sizeof at_risk.name);
            facts->count += agent->waiting;
            add_agent(facts, &at_risk);
        }
    }
}

// Of the callers of the last minutes: without a sample, nobody knows.
static bool service_is_low(const struct snapshot *snapshot, struct alert_facts *facts)
{
    const struct snapshot_span *span = &snapshot->span;
    *facts = (struct alert_facts){0};
    if (span->ms > 0) {
        facts->served = waited_within(&span->waited, SNAPSHOT_ANSWERED_S);
        facts->offered = span->waited.count + span->lost;
    }
    return facts->served * 100 < facts->offered * ALERT_SERVICE_PERCENT;
}

// --- all together -------------------------------------------------------------------------------

void alert_watch_take(struct alert_watch *watch, const struct snapshot *snapshot)
{
    uint64_t now_ms = snapshot->now_ms;
    bool begins_anew = left(now_ms, watch->now_ms) > ALERT_READING_GAP_MS;
    watch->now_ms = now_ms;
    take_count(&watch->lost,
               count_at(snapshot, "dead:expired") + count_at(snapshot, "dead:unknown"), now_ms);
    take_count(&watch->rejected,
               count_at(snapshot, "dead:rejected") + count_at(snapshot, "dead:invalid"), now_ms);
    take_count(&watch->never_connected, count_at(snapshot, "verdict:never_connected"), now_ms);
    find_at_risk(snapshot, &watch->at_risk);
    take_state(&watch->will_be_lost, watch->at_risk.count > 0, now_ms, begins_anew);
    bool is_low = service_is_low(snapshot, &watch->service);
    take_state(&watch->service_low, is_low, now_ms, begins_anew);
    if (now_ms - watch->sources_ms >= ALERT_SOURCES_MS) { // also if the clock was set back
        watch->sources_ms = now_ms;
        alert_sources_take(watch->sources, snapshot, on_growth, watch);
    }
    forget_old(watch);
}

bool alert_watch_is_due(const struct alert_watch *watch, enum alert_kind kind,
                        struct alert_facts *facts)
{
    *facts = (struct alert_facts){.now_ms = watch->now_ms};
    switch (kind) {
    case ALERT_WEBHOOKS_REFUSED:
        return refusals_are_due(watch, facts);
    case ALERT_CALLERS_LOST:
        return count_is_due(&watch->lost, facts);
    case ALERT_CALLERS_WILL_BE_LOST:
        return state_is_due(watch, &watch->will_be_lost, ALERT_FORECAST_MS, &watch->at_risk, facts);
    case ALERT_SERVICE_LEVEL_LOW:
        return state_is_due(watch, &watch->service_low, ALERT_SERVICE_MS, &watch->service, facts);
    case ALERT_AGENT_REJECTS_US:
        return attempts_are_due(watch, ALERT_ATTEMPT_MISCONFIGURED, 0, facts);
    case ALERT_AGENT_FAILS:
        return attempts_are_due(watch, ALERT_ATTEMPT_FAILED, ALERT_FAILURES_MAX, facts);
    case ALERT_OUTCOMES_UNKNOWN:
        return attempts_are_due(watch, ALERT_ATTEMPT_UNKNOWN, 0, facts);
    case ALERT_CALLS_REJECTED:
        return count_is_due(&watch->rejected, facts);
    case ALERT_NEVER_CONNECTED:
        return count_is_due(&watch->never_connected, facts);
    case ALERT_KIND_COUNT:
        break;
    }
    return false;
}

static void forget_attempts(struct alert_watch *watch, enum alert_attempt attempt, uint64_t mark)
{
    for (size_t i = 0; i < watch->names.count; i++) {
        alert_tally_forget(&watch->agents[i]->tallies[attempt], mark);
    }
}

void alert_watch_told(struct alert_watch *watch, enum alert_kind kind, uint64_t mark)
{
    switch (kind) {
    case ALERT_WEBHOOKS_REFUSED:
        alert_tally_forget(&watch->refused, mark);
        break;
    case ALERT_CALLERS_LOST:
        note_told(&watch->lost, mark);
        break;
    case ALERT_AGENT_REJECTS_US:
        forget_attempts(watch, ALERT_ATTEMPT_MISCONFIGURED, mark);
        break;
    case ALERT_AGENT_FAILS:
        forget_attempts(watch, ALERT_ATTEMPT_FAILED, mark);
        break;
    case ALERT_OUTCOMES_UNKNOWN:
        forget_attempts(watch, ALERT_ATTEMPT_UNKNOWN, mark);
        break;
    case ALERT_CALLS_REJECTED:
        note_told(&watch->rejected, mark);
        break;
    case ALERT_NEVER_CONNECTED:
        note_told(&watch->never_connected, mark);
        break;
    case ALERT_CALLERS_WILL_BE_LOST:
    case ALERT_SERVICE_LEVEL_LOW:
    case ALERT_KIND_COUNT:
        break; // a state is told again while it holds
    }
}

struct alert_watch *alert_watch_open(void)
{
    struct alert_watch *watch = memory_zeroed(sizeof *watch);
    watch->sources = alert_sources_open();
    return watch;
}

void alert_watch_close(struct alert_watch *watch)
{
    for (size_t i = 0; i < watch->names.count; i++) {
        free(watch->agents[i]);
    }
    alert_sources_close(watch->sources);
    free(watch);
}
