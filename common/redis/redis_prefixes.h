// REDIS_PREFIXES of dialin-audit and dialin-board: several prefixes, separated by commas.
#ifndef DIALIN_REDIS_PREFIXES_H
#define DIALIN_REDIS_PREFIXES_H

#include "config.h"

#define REDIS_PREFIXES_MAX 64

// Cuts `text` (NULL: there are none) at its commas, in place, and checks each part. Writes pointers
// into it to `prefixes`, and returns how many; empty parts do not count. Adds problems.
size_t redis_prefixes_cut(char *text, const char *prefixes[REDIS_PREFIXES_MAX],
                          struct config_problems *problems);

#endif
