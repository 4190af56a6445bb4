// The result, for people or as one JSON object.
#ifndef CALLER_REPORT_H
#define CALLER_REPORT_H

#include "outcome.h"
#include "plan.h"
#include "sender.h"

// `outcome` is NULL without --wait. Sorts the latencies in place.
void report_print(const struct plan *plan, struct sent *sent, struct outcome *outcome);

// One sentence on standard error where something went wrong.
void report_trouble(const struct plan *plan, const struct sent *sent,
                    const struct outcome *outcome);

#endif
