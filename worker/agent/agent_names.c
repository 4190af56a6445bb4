// See agent_names.h.
#include "agent_names.h"

#include <string.h>

#define OTHER "other"

size_t agent_names_slot(struct agent_names *names, const char *agent)
{
    for (size_t i = 0; i < names->count; i++) {
        if (!strcmp(names->list[i], agent)) {
            return i;
        }
    }
    if (names->count == AGENT_NAMES_SLOTS) {
        return AGENT_NAMES_MAX;
    }
    view_copy(view_of_text(names->count < AGENT_NAMES_MAX ? agent : OTHER),
              names->list[names->count], sizeof names->list[0]);
    return names->count++;
}
