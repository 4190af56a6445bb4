// See calls.h: the part that is no story.
#include "calls_state.h"

#include "memory.h"

#include <stdlib.h>

// --- for the stream ---------------------------------------------------------------------------

size_t calls_room(void *arg)
{
    const struct calls *calls = arg;
    size_t count = calls->table.count, max = calls->settings.concurrency;
    bool is_late = count >= max || http_client_is_behind(calls->client); // any call's end pulls
    return calls->is_draining || is_late ? 0 : reach_room(calls->reach, count, max - count);
}

size_t calls_beginning(void *arg)
{
    const struct calls *calls = arg;
    return calls->beginning;
}

bool calls_is_known(struct bytes_view entry_id, void *arg)
{
    const struct calls *calls = arg;
    return call_table_find(&calls->table, entry_id) != NULL;
}

size_t calls_count(const struct calls *calls)
{
    return calls->table.count;
}

void calls_describe(const struct calls *calls, struct json_line *line)
{
    call_metrics_describe(&calls->metrics, line);
}

uint64_t calls_count_problems(const struct calls *calls)
{
    return call_metrics_count_wrong(&calls->metrics);
}

// --- for the line -----------------------------------------------------------------------------

uint64_t calls_out_max(const struct calls *calls, const char *agent)
{
    const struct route_agent *found =
        route_agents_find(&calls->routing->file.agents, view_of_text(agent));
    return found ? found->max_in_flight : 0;
}

void calls_note_abandoned(const char *agent, const char *reason, void *arg)
{
    struct calls *calls = arg;
    call_metrics_count_abandoned(&calls->metrics, agent, reason);
}

void calls_reroute(struct calls *calls, struct routing *routing)
{
    routing_keep(routing);
    routing_release(calls->routing);
    calls->routing = routing;
}

// --- opening and closing ----------------------------------------------------------------------

struct calls *calls_open(struct loop *loop, const struct calls_settings *settings,
                         struct redis *commands, struct record *record, struct http_client *client,
                         struct metrics *metrics, struct stream_reader *reader, struct lines *lines,
                         struct routing *routing)
{
    struct calls *calls = memory_zeroed(sizeof *calls);
    calls->loop = loop;
    calls->settings = *settings;
    calls->commands = commands;
    calls->health = agent_health_open(commands, settings->prefix);
    calls->record = record;
    calls->client = client;
    calls->reader = reader;
    calls->reach = reach_open(loop, calls->health, reader);
    calls->lines = lines;
    calls->routing = routing_keep(routing);
    call_table_init(&calls->table, settings->concurrency);
    call_metrics_register(&calls->metrics, metrics, routing_environment(routing)->route.agent,
                          settings->concurrency);
    return calls;
}

void calls_close(struct calls *calls)
{
    struct call *next = NULL;
    for (struct call *call = call_table_next(&calls->table, NULL); call; call = next) {
        next = call_table_next(&calls->table, call);
        loop_timer_close(call->timer);
        call_free(call);
    }
    reach_close(calls->reach);
    agent_health_close(calls->health);
    call_table_release(&calls->table);
    call_metrics_release(&calls->metrics);
    routing_release(calls->routing);
    free(calls);
}
