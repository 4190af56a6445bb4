// See reach.h. How long ago others had an answer comes with the verdict of `finish`: Redis alone
// sees all workers. Only attempts that were not sent count. A request that was sent and not
// answered may be the agent's doing.
//
// With several agents, an answer of one of them counts as a way out: this worker's calls of the
// other fail, and stand in line as for any agent that fails.
#include "reach.h"

#include "memory.h"

#include <stdlib.h>

#define US_PER_MS 1000

struct reach {
    struct agent_health *health;
    struct stream_reader *reader;
    struct loop_timer *timer;
    bool is_cut_off;
    unsigned unsent;    // in a row
    uint64_t since_ms;  // when the first of them began
    uint64_t unsent_ms; // when the last of them ended
};

static void probe(void *arg)
{
    struct reach *reach = arg;
    if (reach->is_cut_off) {
        loop_timer_start(reach->timer, REACH_PROBE_MS);
        agent_health_remind(reach->health);
        stream_reader_pull(reach->reader);
    }
}

static void leave_cut_off(struct reach *reach)
{
    if (reach->is_cut_off) {
        reach->is_cut_off = false;
        loop_timer_stop(reach->timer);
        stream_reader_pull(reach->reader);
    }
}

void reach_note_attempt(struct reach *reach, const struct http_answer *http)
{
    uint64_t now_ms = loop_now_ms();
    if (http->outcome == HTTP_ANSWERED) {
        reach->unsent = 0;
        leave_cut_off(reach);
    } else if (http->outcome == HTTP_NOT_SENT && !http->came_too_late) {
        uint64_t begun_ms = now_ms - http->latency_us / US_PER_MS;
        reach->since_ms = reach->unsent == 0 ? begun_ms : reach->since_ms;
        reach->unsent++;
        reach->unsent_ms = now_ms;
    }
}

bool reach_note_others(struct reach *reach, uint64_t answered_ago_ms, const char *agent,
                       const char *error)
{
    bool was_cut_off = reach->is_cut_off;
    if (answered_ago_ms > REACH_OTHERS_MS) {
        leave_cut_off(reach);
        return false;
    }
    uint64_t lasts_ms = loop_now_ms() - reach->since_ms;
    if (reach->unsent >= REACH_UNSENT_MIN && answered_ago_ms + REACH_APART_MS < lasts_ms) {
        reach->is_cut_off = true;
    }
    if (!reach->is_cut_off) {
        return false;
    }
    agent_health_note(reach->health, AGENT_OUT_OF_REACH, agent, 0, error);
    if (!was_cut_off) {
        loop_timer_start(reach->timer, REACH_PROBE_MS);
    }
    return !was_cut_off;
}

bool reach_is_cut_off(const struct reach *reach)
{
    return reach->is_cut_off;
}

size_t reach_room(const struct reach *reach, size_t in_work, size_t room)
{
    if (!reach->is_cut_off) {
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
    loop_timer_close(reach->timer);
    free(reach);
}
