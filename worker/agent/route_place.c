// See route_place.h.
#include "route_place.h"

struct route_place route_place_of_rule(const struct routing *routing, const struct route_rule *rule)
{
    const struct route_agent *agent = rule ? rule->agent : NULL;
    return (struct route_place){rule, agent ? agent : routing_environment(routing), 0};
}

bool route_place_find(const struct routing *routing, struct bytes_view route,
                      struct bytes_view agent, unsigned step, struct route_place *place)
{
    const struct route_rule *rule = NULL;
    if (route.len > 0) {
        rule = route_file_rule(&routing->file, route);
        if (!rule) {
            return false;
        }
    }
    *place = route_place_of_rule(routing, rule);
    if (rule) {
        const struct route_agent *named = route_agents_find(&routing->file.agents, agent);
        place->step = step < rule->overflow_count ? step : (unsigned)rule->overflow_count;
        place->agent = named             ? named
                       : place->step > 0 ? rule->overflow[place->step - 1].agent
                                         : place->agent;
    }
    return true;
}

const char *route_place_name(const struct route_place *place)
{
    return place->rule ? place->rule->name : "";
}

// How far along its route the call is: a lookup may have sent it to the agent of a later step.
static size_t step_of(const struct route_place *place)
{
    size_t step = place->step;
    for (size_t i = step; i < place->rule->overflow_count; i++) {
        step = place->rule->overflow[i].agent == place->agent ? i + 1 : step;
    }
    return step;
}

const struct route_step *route_place_next_step(const struct route_place *place)
{
    const struct route_rule *rule = place->rule;
    size_t step = rule ? step_of(place) : 0;
    return rule && step < rule->overflow_count ? &rule->overflow[step] : NULL;
}

bool route_place_next(struct route_place *place)
{
    const struct route_step *step = route_place_next_step(place);
    if (step) {
        place->agent = step->agent;
        place->step = (unsigned)(step - place->rule->overflow) + 1;
    }
    return step != NULL;
}
