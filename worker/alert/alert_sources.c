// See alert_sources.h. A status is a text of another program: a member that is not as expected
// counts as 0.
#include "alert_sources.h"

#include "json.h"
#include "memory.h"

#include <stdlib.h>
#include <string.h>

struct source {
    struct source *next;
    uint64_t seen_ms, started_ms;
    uint64_t refused;
    cJSON *attempts; // as the status had it; NULL: none
    char id[];
};

struct alert_sources {
    struct source *first;
    size_t count;
    uint64_t begun_ms; // of the first reading; 0: there was none
};

// --- reading a status -------------------------------------------------------------------------

static const cJSON *find_agent(const cJSON *attempts, const char *agent)
{
    const cJSON *each = NULL;
    cJSON_ArrayForEach(each, attempts)
    {
        const char *name = json_text(each, "agent");
        if (name && !strcmp(name, agent)) {
            return each;
        }
    }
    return NULL;
}

// A counter that went back belongs to a program that was started again.
static uint64_t grown(uint64_t now, uint64_t before)
{
    return now >= before ? now - before : now;
}

static void tell_attempts(const struct source *source, const cJSON *now, uint64_t at_ms,
                          alert_sources_on_growth *on_growth, void *arg)
{
    static const char *const NAMES[ALERT_ATTEMPT_KINDS] = {
        [ALERT_ATTEMPT_FAILED] = "failed",
        [ALERT_ATTEMPT_UNKNOWN] = "unknown",
        [ALERT_ATTEMPT_MISCONFIGURED] = "misconfigured",
    };
    const cJSON *each = NULL;
    cJSON_ArrayForEach(each, now)
    {
        struct alert_growth growth = {.at_ms = at_ms, .agent = json_text(each, "agent")};
        uint64_t all = 0;
        for (size_t i = 0; growth.agent && i < ALERT_ATTEMPT_KINDS; i++) {
            const cJSON *before = find_agent(source->attempts, growth.agent);
            growth.attempts[i] = grown(json_count(each, NAMES[i]), json_count(before, NAMES[i]));
            all += growth.attempts[i];
        }
        if (all > 0) {
            on_growth(&growth, arg);
        }
    }
}

// --- the programs -------------------------------------------------------------------------------

static struct source *find(const struct alert_sources *sources, const char *id)
{
    struct source *source = sources->first;
    while (source && strcmp(source->id, id) != 0) {
        source = source->next;
    }
    return source;
}

static void free_source(struct source *source)
{
    cJSON_Delete(source->attempts);
    free(source);
}

static void forget_oldest(struct alert_sources *sources)
{
    struct source **oldest = &sources->first;
    for (struct source **at = &sources->first; *at; at = &(*at)->next) {
        oldest = (*at)->seen_ms < (*oldest)->seen_ms ? at : oldest;
    }
    struct source *gone = *oldest;
    if (gone) {
        *oldest = gone->next;
        sources->count--;
        free_source(gone);
    }
}

static struct source *add(struct alert_sources *sources, const char *id)
{
    if (sources->count == ALERT_PROGRAMS_MAX) {
        forget_oldest(sources);
    }
    struct source *source = memory_zeroed(sizeof *source + strlen(id) + 1);
    memcpy(source->id, id, strlen(id) + 1);
    source->next = sources->first;
    sources->first = source;
    sources->count++;
    return source;
}

// The counters of a program that started again begin at 0.
static void forget_counts(struct source *source)
{
    cJSON_Delete(source->attempts);
    source->attempts = NULL;
    source->refused = 0;
}

static void take_status(struct alert_sources *sources, const char *id, cJSON *status,
                        uint64_t now_ms, alert_sources_on_growth *on_growth, void *arg)
{
    struct source *source = find(sources, id);
    uint64_t started_ms = json_count(status, "started_ms");
    bool is_old = !source && started_ms < sources->begun_ms;
    uint64_t at_ms = json_count(status, "at_ms");
    struct alert_growth growth = {.at_ms = at_ms < now_ms ? at_ms : now_ms};
    source = source ? source : add(sources, id);
    source->seen_ms = now_ms;
    if (source->started_ms != started_ms) {
        forget_counts(source);
        source->started_ms = started_ms;
    }
    growth.refused = grown(json_count(status, "refused"), source->refused);
    cJSON *attempts = cJSON_DetachItemFromObjectCaseSensitive(status, "attempts");
    if (!is_old && growth.refused > 0) {
        on_growth(&growth, arg);
    }
    if (!is_old) {
        tell_attempts(source, attempts, growth.at_ms, on_growth, arg);
    }
    forget_counts(source);
    source->refused = json_count(status, "refused");
    source->attempts = attempts;
}

void alert_sources_take(struct alert_sources *sources, const struct snapshot *snapshot,
                        alert_sources_on_growth *on_growth, void *arg)
{
    sources->begun_ms = sources->begun_ms ? sources->begun_ms : snapshot->now_ms;
    for (size_t i = 0; snapshot->programs && i < snapshot->programs->elements; i++) {
        const redisReply *row = snapshot->programs->element[i];
        struct json_document status;
        if (!json_parse(&status, reply_view(row->element[1]))) {
            take_status(sources, row->element[0]->str, status.tree, snapshot->now_ms, on_growth,
                        arg);
            json_release(&status);
        }
    }
}

struct alert_sources *alert_sources_open(void)
{
    return memory_zeroed(sizeof(struct alert_sources));
}

void alert_sources_close(struct alert_sources *sources)
{
    while (sources->first) {
        struct source *source = sources->first;
        sources->first = source->next;
        free_source(source);
    }
    free(sources);
}
