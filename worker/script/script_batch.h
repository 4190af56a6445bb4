// One step of many calls in one run of a script: steps that are added in one turn of the loop leave
// together before it sleeps, at most SCRIPT_BATCH_STEPS_MAX in a run. Whether others were beside it
// is nothing to a step: if a run fails, its steps are sent again, each alone.
#ifndef DIALIN_SCRIPT_BATCH_H
#define DIALIN_SCRIPT_BATCH_H

#include "redis_replicas.h"
#include "script.h"

#define SCRIPT_BATCH_STEPS_MAX 32 // Redis does nothing else meanwhile: about a millisecond
#define SCRIPT_BATCH_BYTES_MAX                                                                     \
    (256 * 1024) // in one run, unless a step alone is larger; REDIS_COMMAND_BYTES_MAX is its limit

struct script_batch;

// A run has the arguments `width`, those of `argv`, and then `width` of each step. It returns an
// array with one verdict of each step.
struct script_batch *script_batch_open(struct loop *loop, struct scripts *scripts,
                                       enum script_name name, size_t args_each, size_t argc,
                                       const struct bytes_view *argv);

// From now on the verdicts of a run come only when the replicas have it too, at the cost of one
// WAIT for all runs that were answered meanwhile. `waits_max` as for redis_replicas_wait. To be
// called before the first step.
void script_batch_wait_for(struct script_batch *batch, struct redis_replicas *replicas,
                           unsigned waits_max);

// To be called when the connection, and the replicas that are waited for, have been closed. Steps
// that never left get NULL before this returns.
void script_batch_close(struct script_batch *batch);

// Adds a step of `width` words, which are copied. False, and no callback, while the connection is
// down, the scripts are not loaded, or the step is too large. Otherwise exactly one callback, never
// from inside this call: its verdict, an error, or NULL if the answer is lost, or
// too few replicas have it; then the step was done or was not.
bool script_batch_add(struct script_batch *batch, const struct bytes_view *args,
                      redis_on_reply *on_verdict, void *arg);

#endif
