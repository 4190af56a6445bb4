// Can this Redis do the work? Asks once and leaves: for --check-config --online and for
// dialin-audit doctor. Changes nothing in Redis: the tried commands are such as Redis refuses for
// their arguments, after it has looked at rights, slot, memory and role.
#ifndef DIALIN_REDIS_CHECK_H
#define DIALIN_REDIS_CHECK_H

#include "bytes.h"
#include "findings.h"
#include "redis_address.h"

#include <stdbool.h>
#include <stddef.h>

#define REDIS_CHECK_MS 5000        // for all of it; finding and connecting included
#define REDIS_CHECK_TRIES_MAX 16   // further ones are an error of ours
#define REDIS_CHECK_CLOCK_MS 30000 // further apart: webhooks may be taken for stale

struct redis_try {
    const char *purpose; // "queue webhooks (XADD)"
    size_t argc;
    const struct bytes_view *argv;
    bool names_refused; // its reply lists the commands that are not allowed; else only refusals
                        // count
};

// Adds its findings: reachable, version, role, eviction, append-only file, clock, and each try.
// `name` is shown in CLIENT LIST. Returns false if Redis cannot be reached or refuses the log-in.
bool redis_check(const struct redis_address *address, const char *name,
                 const struct redis_try *tries, size_t try_count, struct findings *findings);

#endif
