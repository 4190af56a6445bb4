// A bar on standard error while something goes on; nothing where that is no terminal. Plain memory.
#ifndef CALLER_PROGRESS_H
#define CALLER_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct progress {
    bool is_on;
    uint64_t shown_ms;
};

void progress_init(struct progress *progress, bool quiet);

// Shows the state, at most ten times a second.
void progress_show(struct progress *progress, const char *what, size_t done, size_t total);

void progress_clear(struct progress *progress); // takes the bar away

#endif
