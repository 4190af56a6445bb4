// See route_agent.h.
#include "route_agent.h"

#include <string.h>

static struct route_agents *agents_of(const struct route_reader *reader)
{
    return reader->context;
}

bool route_find_key(struct route_reader *reader, const char *at, const char *variable,
                    const char **key)
{
    const struct route_environment *environment = agents_of(reader)->environment;
    *key = variable ? environment->key_of(variable, environment->arg) : NULL;
    return !variable || *key ||
           route_refuse(reader, at, variable,
                        "is not set: set it, or its form with _FILE, to a file that can be read");
}

static bool is_good_key(const char *key)
{
    size_t len = 0;
    while (key && key[len] > ' ' && key[len] <= '~') {
        len++;
    }
    return !key || (!key[len] && len <= ROUTE_KEY_BYTES_MAX);
}

static bool make_route(struct route_reader *reader, const char *at,
                       const struct route_agent_text *text, struct route *route)
{
    struct bytes problem;
    const char *key = NULL;
    if (!route_find_key(reader, at, text->api_key_env, &key)) {
        return false;
    }
    if (!is_good_key(key)) {
        return route_refuse(reader, at, text->api_key_env,
                            "must be at most 4000 characters of printable ASCII without spaces");
    }
    route->allow_http = agents_of(reader)->environment->agent->allow_http;
    bytes_init(&problem, 4096);
    bool is_good = !text->name || route_to_cloud(route, text->name, key, &problem);
    if (is_good && text->start_url) {
        is_good = route_to_url(route, text->start_url, key, &problem);
        if (is_good && text->name) {
            strncpy(route->agent, text->name, sizeof route->agent - 1);
        }
    } else if (is_good && !key) {
        route->api_key = agents_of(reader)->environment->cloud_key;
        is_good = route->api_key ||
                  !bytes_printf(&problem,
                                "'%s' is an agent on Pipecat Cloud: it needs api_key_env, "
                                "or PIPECAT_CLOUD_API_KEY in the environment",
                                text->name);
    }
    if (!is_good) {
        route_refuse(reader, at, text->start_url ? "start_url" : "agent", bytes_text(&problem));
    }
    bytes_release(&problem);
    return is_good;
}

static struct route_agent *find_agent(const struct route_agents *agents, struct bytes_view name)
{
    for (size_t i = 0; i < agents->count; i++) {
        if (view_equal_text(name, agents->list[i]->route.agent)) {
            return agents->list[i];
        }
    }
    return NULL;
}

const struct route_agent *route_agents_find(const struct route_agents *agents,
                                            struct bytes_view name)
{
    return find_agent(agents, name);
}

static struct route_agent *add_agent(struct route_reader *reader, const struct route *route)
{
    struct route_agents *agents = agents_of(reader);
    struct route_agent *agent = route_arena_zeroed(reader->arena, sizeof *agent);
    agent->route = *route;
    agents->list[agents->count++] = agent;
    return agent;
}

void route_agents_begin(struct route_reader *reader)
{
    add_agent(reader, agents_of(reader)->environment->agent);
}

static bool is_same_agent(const struct route_agent *agent, const struct route *route)
{
    return !strcmp(agent->route.start_url, route->start_url) &&
           texts_equal(agent->route.api_key, route->api_key);
}

static bool take_agent(struct route_reader *reader, const char *at,
                       const struct route_agent_text *text, struct route_agent **agent)
{
    struct route_agents *agents = agents_of(reader);
    struct route route = {.agent = ""};
    *agent = find_agent(agents, view_of_text(text->name));
    if (*agent && !text->start_url && !text->api_key_env) {
        return true;
    }
    if (!make_route(reader, at, text, &route)) {
        return false;
    }
    *agent = find_agent(agents, view_of_text(route.agent));
    if (*agent) {
        return is_same_agent(*agent, &route) ||
               route_refuse(reader, at, route.agent,
                            "is named twice, with another start_url or another key");
    }
    if (agents->count == ROUTE_AGENTS_MAX) {
        return route_refuse(reader, at, "", "there are more than 256 agents");
    }
    *agent = add_agent(reader, &route);
    return true;
}

bool route_agents_take(struct route_reader *reader, const char *at,
                       const struct route_agent_text *text, const struct route_agent **agent)
{
    struct route_agent *taken = NULL;
    bool is_good = take_agent(reader, at, text, &taken);
    *agent = taken;
    return is_good;
}

static bool read_agent(struct route_reader *reader, const struct route_value *value)
{
    static const struct route_field FIELDS[] = {
        {"start_url", route_read_text, offsetof(struct route_agent_text, start_url), 0, 0},
        {"api_key_env", route_read_text, offsetof(struct route_agent_text, api_key_env), 0, 0},
        {"max_in_flight", route_read_number, offsetof(struct route_agent_text, max_in_flight), 1,
         ROUTE_IN_FLIGHT_MAX},
        {0},
    };
    struct route_agent_text text = {.name = value->name};
    struct route_agent *agent = NULL;
    if (!route_read_members(reader, value, "an agent", FIELDS, &text) ||
        !take_agent(reader, value->raw.data, &text, &agent)) {
        return false;
    }
    agent->max_in_flight = text.max_in_flight;
    return true;
}

bool route_read_agents(struct route_reader *reader, const struct route_value *value)
{
    struct json_document document;
    bool is_good = true;
    const char *problem = json_parse(&document, value->raw);
    if (problem) {
        return route_refuse(reader, document.failed_at ? document.failed_at : value->raw.data,
                            "agents", problem);
    }
    const cJSON *member = document.tree->child;
    for (size_t i = 0; is_good && i < document.member_count; i++, member = member->next) {
        const struct route_value agent = {member->string, member, document.members[i].value};
        is_good = read_agent(reader, &agent);
    }
    json_release(&document);
    return is_good;
}
