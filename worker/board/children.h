// The questions to the record: runs of dialin-audit, a few at once, a few more in a queue.
#ifndef DIALIN_BOARD_CHILDREN_H
#define DIALIN_BOARD_CHILDREN_H

#include "child.h"

#define CHILDREN_MAX 4
#define CHILDREN_QUEUED_MAX 8

struct children;

// Finds dialin-audit beside this program, else on PATH. It gets REDIS_… of the environment, and
// what judges signatures; nothing else. An action gets `actions_url` as REDIS_URL; NULL: there are
// none. `prefixes` are borrowed.
struct children *children_open(struct loop *loop, const char *actions_url,
                               const char *const *prefixes, size_t prefix_count);
void children_close(struct children *children); // kills what runs; no callback follows

// Kills what runs now and from now on; the callbacks come soon.
void children_end(struct children *children);

// Kills the run of this question, if it has begun; its callback comes soon.
void children_kill(struct children *children, const void *arg);

// Under which prefix: its number, or all of them.
#define CHILDREN_ALL SIZE_MAX

// Asks one question, a JSON object. The callback comes once, never from inside this call. False:
// the queue is full, and no callback comes.
bool children_ask(struct children *children, size_t prefix, struct bytes_view query,
                  child_on_end *on_end, void *arg);

// The same; `is_action`: as the user who may change something.
bool children_do(struct children *children, bool is_action, size_t prefix, struct bytes_view query,
                 child_on_end *on_end, void *arg);

#endif
