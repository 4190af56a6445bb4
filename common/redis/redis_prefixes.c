// See redis_prefixes.h.
#include "redis_prefixes.h"

#include <string.h>

#define NAME "REDIS_PREFIXES"

size_t redis_prefixes_cut(char *text, const char *prefixes[REDIS_PREFIXES_MAX],
                          struct config_problems *problems)
{
    size_t count = 0;
    for (char *at = text; at && *at;) {
        size_t len = strcspn(at, ",");
        bool is_last = !at[len];
        at[len] = '\0';
        if (len > 0 && count == REDIS_PREFIXES_MAX) {
            config_problem(problems, NAME, "may have at most %d", REDIS_PREFIXES_MAX);
            break;
        }
        if (len > 0) {
            config_check_prefix(NAME, at, problems);
            prefixes[count++] = at;
        }
        at += len + !is_last;
    }
    return count;
}
