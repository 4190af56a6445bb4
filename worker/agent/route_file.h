// ROUTES_FILE: its agents and its routes (CONTRACT, "Routes"). Pure but for the question which time
// zones exist; the caller reads the file, and passes the environment.
#ifndef DIALIN_ROUTE_FILE_H
#define DIALIN_ROUTE_FILE_H

#include "bytes.h"
#include "route_index.h"
#include "route_rule.h"

#include <stdbool.h>

#define ROUTE_FILE_BYTES_MAX (1024 * 1024)
#define ROUTE_FILE_ROUTES_MAX 1000

struct route_file {
    struct route_arena arena;
    struct route_rule *rules;
    size_t count;
    struct route_agents agents;
    struct route_index index;
};

// Reads a whole file. False, with "line N: …" in `problem`, if it is refused; then `file` is empty.
// Keys and the environment's agent are borrowed; the rest is owned until route_file_release.
bool route_file_parse(struct route_file *file, struct bytes_view text,
                      const struct route_environment *environment, struct bytes *problem);
void route_file_release(struct route_file *file);

// NULL if the file has no route of that name.
const struct route_rule *route_file_rule(const struct route_file *file, struct bytes_view name);

#endif
