// The lines of calls that wait for a full agent. A line is kept in Redis and belongs to no worker;
// every worker asks for each line that there is whether somebody of it may ask the agent now. Redis
// decides that, in one step for all workers (worker/line/admit.lua).
#ifndef DIALIN_LINE_H
#define DIALIN_LINE_H

#include "loop.h"
#include "script.h"
#include "stream_reader.h"

#define LINE_HOLDS_UP_MS 1000 // a request unanswered for longer no longer holds up the next
#define LINE_ADMIT_MS_MIN 20  // between two questions for one line; after lines_admit at once
#define LINE_ADMIT_MS_MAX 1000
#define LINE_LOOK_MS 1000  // how often all lines are looked after
#define LINE_COUNT_MAX 256 // calls taken out of lines in one step

struct lines;

// How many requests may be out for an agent, over all workers; 0: as many as its pace allows.
typedef uint64_t lines_out_max(const char *agent, void *arg);

// Everything is borrowed for the life of the lines. The entries that are admitted go to the reader.
struct lines *lines_open(struct loop *loop, struct scripts *scripts, struct stream_reader *reader,
                         const char *consumer, lines_out_max *out_max, void *arg);

// Somebody of the agent's line may be able to ask: a call entered it, or was let in.
void lines_admit(struct lines *lines, const char *agent);

// If the agent has a line, as far as this worker knows, as lines_admit; else nothing.
void lines_admit_if_any(struct lines *lines, const char *agent);

void lines_stop(struct lines *lines);  // admits nothing from then on
void lines_close(struct lines *lines); // after the connection, so that no callback follows

#endif
