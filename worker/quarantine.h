// Calls whose request was in flight when a worker died. A call may kill the worker that reads its
// answer, and so harm the calls beside it: the more deaths it was part of, the fewer calls like it
// are in flight together, and at last only one.
#ifndef DIALIN_QUARANTINE_H
#define DIALIN_QUARANTINE_H

#include "call.h"

#include <stdbool.h>
#include <stddef.h>

// Plain memory; zeroed is right to begin with.
struct quarantine {
    size_t in_flight; // suspects in flight
};

// May the call begin now? A suspect that may is counted until quarantine_leave.
bool quarantine_admits(struct quarantine *quarantine, struct call *call);
void quarantine_leave(struct quarantine *quarantine, const struct call *call);

// For record_begin: how many deaths the call may have before it becomes a suspect.
unsigned quarantine_deaths_max(const struct call *call);

#endif
