// One run of dialin-audit: the query goes to its standard input, its output is collected up to a
// maximum, and it is killed if it takes too long.
#ifndef DIALIN_BOARD_CHILD_H
#define DIALIN_BOARD_CHILD_H

#include "bytes.h"
#include "loop.h"

#include <stdbool.h>

#define CHILD_MS_MAX 10000
#define CHILD_OUTPUT_MAX (4 * 1024 * 1024)
#define CHILD_ERRORS_MAX 4096

enum child_end {
    CHILD_LEFT,      // by itself; see the exit code
    CHILD_TOO_SLOW,  // after CHILD_MS_MAX
    CHILD_TOO_LARGE, // its output passed CHILD_OUTPUT_MAX
    CHILD_FAILED,    // it could not be started, or a signal ended it
};

struct child_result {
    enum child_end end;
    int exit_code;
    struct bytes_view output, errors; // borrowed for the callback
};

struct child;
typedef void child_on_end(const struct child_result *result, void *arg);

// Starts `path` with this environment (`NAME=value`, ends with NULL) and the one argument --query.
// The callback comes once, never from inside this call; the child is freed after it. Nothing of the
// board's descriptors reaches it.
struct child *child_start(struct loop *loop, const char *path, char *const *environment,
                          struct bytes_view query, child_on_end *on_end, void *arg);

// Kills it; the callback follows.
void child_kill(struct child *child);

// Kills it and waits for its end. No callback follows.
void child_stop(struct child *child);

#endif
