// The agents that a routes file names, each once: a route, an overflow step and the record mean the
// same agent by the same name.
#ifndef DIALIN_ROUTE_AGENT_H
#define DIALIN_ROUTE_AGENT_H

#include "route.h"
#include "route_reader.h"

#define ROUTE_AGENTS_MAX 256
#define ROUTE_IN_FLIGHT_MAX 65536

// Agents are compared by address.
struct route_agent {
    struct route route;
    uint64_t max_in_flight; // requests that may be out, over all workers; 0: no limit
};

// The value of an environment variable (or of its _FILE form); NULL: it is not set.
typedef const char *route_key_of(const char *variable, void *arg);

struct route_environment {
    const struct route *agent; // of calls that no route takes
    const char *cloud_key;     // of agents that have a name only; NULL: none
    route_key_of *key_of;
    void *arg;
};

struct route_agents {
    const struct route_environment *environment;
    struct route_agent *list[ROUTE_AGENTS_MAX]; // the first is the environment's
    size_t count;
};

// An agent as it stands in the file.
struct route_agent_text {
    const char *name, *start_url, *api_key_env;
    uint64_t max_in_flight;
};

// The functions below expect the table in reader->context.
void route_agents_begin(struct route_reader *reader);

// Finds the agent, or adds it. A name alone means the agent that has that name already.
bool route_agents_take(struct route_reader *reader, const char *at,
                       const struct route_agent_text *text, const struct route_agent **agent);

// Reads the file's "agents".
bool route_read_agents(struct route_reader *reader, const struct route_value *value);

// The value of the variable that holds a key or a secret; NULL as `variable` gives NULL. False,
// with a complaint, if it is not set.
bool route_find_key(struct route_reader *reader, const char *at, const char *variable,
                    const char **key);

const struct route_agent *route_agents_find(const struct route_agents *agents,
                                            struct bytes_view name);

#endif
