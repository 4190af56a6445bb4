// See reach.h. How long ago others had an answer comes with the verdict of `finish`: Redis alone
// sees all workers. Only attempts that were not sent count. A request that was sent and not
// answered may be the agent's doing.
#include "reach.h"

#include "memory.h"

#include <stdlib.h>
#include <string.h>

#define US_PER_MS 1000

// To one agent.
struct way {
    struct way *next;
    bool is_cut_off;
    unsigned unsent;     // in a row
    uint64_t since_ms;   // when the first of them began
    uint64_t cut_off_ms; // since when it is cut off
    char agent[];
};

struct reach {
    struct agent_health *health;
    struct stream_reader *reader;
    struct loop_timer *timer;
    struct way *first;
    uint64_t unsent_ms;   // when the last attempt ended that did not get out
    uint64_t answered_ms; // when any agent answered last; 0: never
};

static struct way *find(const struct reach *reach, const char *agent)
{
    struct way *way = reach->first;
    while (way && strcmp(way->agent, agent) != 0) {
        way = way->next;
    }
    return way;
}

static struct way *find_or_add(struct reach *reach, const char *agent)
{
    struct way *way = find(reach, agent);
    if (!way) {
        size_t size = strlen(agent) + 1;
        way = memory_zeroed(sizeof *way + size);
        memcpy(way->agent, agent, size);
        way->next = reach->first;
        reach->first = way;
    }
    return way;
}

static bool is_any_cut_off(const struct reach *reach)
{
    const struct way *way = reach->first;
    while (way && !way->is_cut_off) {
        way = way->next;
    }
    return way != NULL;
}

// Cut off from an agent, and no other has answered since.
static bool reaches_nobody(const struct reach *reach)
{
    for (const struct way *way = reach->first; way; way = way->next) {
        if (way->is_cut_off && way->cut_off_ms >= reach->answered_ms) {
            return true;
        }
    }
    return false;
}

static void probe(void *arg)
{
    struct reach *reach = arg;
    if (is_any_cut_off(reach)) {
        loop_timer_start(reach->timer, REACH_PROBE_MS);
        agent_health_remind(reach->health, AGENT_OUT_OF_REACH);
        stream_reader_pull(reach->reader);
    }
}

static void end_cut_off(struct reach *reach, struct way *way)
{
    if (way->is_cut_off) {
        way->is_cut_off = false;
        stream_reader_pull(reach->reader);
    }
}

void reach_note_attempt(struct reach *reach, const char *agent, const struct http_answer *http)
{
    struct way *way = find_or_add(reach, agent);
    uint64_t now_ms = loop_now_ms();
    if (http->outcome == HTTP_ANSWERED) {
        way->unsent = 0;
        reach->answered_ms = now_ms;
        end_cut_off(reach, way);
    } else if (http->outcome == HTTP_NOT_SENT && !http->came_too_late) {
        uint64_t begun_ms = now_ms - http->latency_us / US_PER_MS;
        way->since_ms = way->unsent == 0 ? begun_ms : way->since_ms;
        way->unsent++;
        reach->unsent_ms = now_ms;
    }
}

bool reach_note_others(struct reach *reach, const char *agent, uint64_t answered_ago_ms,
                       const char *error)
{
    struct way *way = find_or_add(reach, agent);
    bool was_cut_off = way->is_cut_off;
    if (answered_ago_ms > REACH_OTHERS_MS) {
        end_cut_off(reach, way);
        return false;
    }
    uint64_t lasts_ms = loop_now_ms() - way->since_ms;
    if (way->unsent >= REACH_UNSENT_MIN && answered_ago_ms + REACH_APART_MS < lasts_ms) {
        way->is_cut_off = true;
    }
    if (way->is_cut_off) {
        agent_health_note(reach->health, AGENT_OUT_OF_REACH, agent, 0, error);
    }
    if (way->is_cut_off && !was_cut_off) {
        way->cut_off_ms = loop_now_ms();
        loop_timer_start(reach->timer, REACH_PROBE_MS);
    }
    return way->is_cut_off && !was_cut_off;
}

bool reach_is_cut_off(const struct reach *reach, const char *agent)
{
    const struct way *way = find(reach, agent);
    return way && way->is_cut_off;
}

size_t reach_room(const struct reach *reach, size_t in_work, size_t room)
{
    if (!reaches_nobody(reach)) {
        return room;
    }
    bool may_probe = in_work == 0 && loop_now_ms() - reach->unsent_ms >= REACH_PROBE_MS;
    return may_probe && room > 0 ? 1 : 0;
}

struct reach *reach_open(struct loop *loop, struct agent_health *health,
                         struct stream_reader *reader)
{
    struct reach *reach = memory_zeroed(sizeof *reach);
    *reach = (struct reach){.health = health, .reader = reader};
    reach->timer = loop_timer_open(loop, probe, reach);
    return reach;
}

void reach_close(struct reach *reach)
{
    while (reach->first) {
        struct way *way = reach->first;
        reach->first = way->next;
        free(way);
    }
    loop_timer_close(reach->timer);
    free(reach);
}
