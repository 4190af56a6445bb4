// A bar on standard error while something goes on, with the time that is left; nothing if that
// is not a terminal. Plain memory.
#ifndef DIALIN_PROGRESS_H
#define DIALIN_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct progress {
    bool is_on;
    const char *what; // goes on now, since begun_ms
    uint64_t begun_ms, shown_ms;
};

void progress_init(struct progress *progress, bool quiet);

// Shows the state, at most ten times a second. The time that is left counts from the first call for
// a `what` (which is borrowed and compared as a pointer).
void progress_show(struct progress *progress, const char *what, size_t done, size_t total);

void progress_clear(struct progress *progress); // takes the bar away

#endif
