// The agents by which a program counts: the first AGENT_NAMES_MAX by name, all others together as
// `other`, so that neither memory nor the series of a metric grow with them. Plain memory; zeroed
// is empty.
#ifndef DIALIN_AGENT_NAMES_H
#define DIALIN_AGENT_NAMES_H

#include "route.h"

#define AGENT_NAMES_MAX 32
#define AGENT_NAMES_SLOTS (AGENT_NAMES_MAX + 1) // the last is for all others

struct agent_names {
    char list[AGENT_NAMES_SLOTS][ROUTE_AGENT_BYTES_MAX + 1];
    size_t count;
};

// Returns the slot of the agent. A new one is added at the end, or shares the last slot.
size_t agent_names_slot(struct agent_names *names, const char *agent);

#endif
