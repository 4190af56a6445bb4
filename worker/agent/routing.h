// The agents and routes in force: the environment's agent, and those of ROUTES_FILE. They never
// change: a reload makes new ones, and a call keeps those that it began with.
#ifndef DIALIN_ROUTING_H
#define DIALIN_ROUTING_H

#include "route_file.h"

struct routing_settings {
    const char *path;          // ROUTES_FILE; NULL: every call goes to the environment's agent
    const struct route *agent; // of the environment; copied with its key
    const char *cloud_key;     // of agents that have a name only; copied; NULL: none
};

struct routing {
    struct route_file file;   // its first agent is the environment's
    struct route_arena texts; // keys that the file borrows
    size_t owners;
    bool calls_back;     // one of its routes has a `callback`
    uint64_t hold_s_max; // the longest hold_limit_s of its routes
};

// Reads the file. Returns NULL, with a sentence in `problem`, if it cannot be used. The caller is
// the first owner.
struct routing *routing_open(const struct routing_settings *settings, struct bytes *problem);
struct routing *routing_keep(struct routing *routing); // one owner more
void routing_release(struct routing *routing);         // one less; NULL is allowed

// Appends the whole text of a file of routes. False, with a sentence in `problem`, if it cannot be
// read, or is longer than ROUTE_FILE_BYTES_MAX, the size that `text` must hold.
bool routing_read_file(const char *path, struct bytes *text, struct bytes *problem);

// The agent of calls that no route takes.
const struct route_agent *routing_environment(const struct routing *routing);

#endif
