// The account: every entry that was ever put into the stream is started, dead, a duplicate or
// unfinished. Reads it in one consistent step every ACCOUNT_EVERY_MS and whenever the connection
// has come up, and logs an error if it does not add up, or if Redis has lost entries or outcomes.
#ifndef DIALIN_ACCOUNT_H
#define DIALIN_ACCOUNT_H

#include "loop.h"
#include "metrics.h"
#include "script.h"

#include <stdint.h>

#define ACCOUNT_EVERY_MS 10000 // and a little, by chance

struct account;

// The first worker that reads it in a minute also stores the counts as they are (sample.lua), for
// `samples_kept_s`. Everything is borrowed for its life.
struct account *account_open(struct loop *loop, struct scripts *scripts, struct metrics *metrics,
                             uint64_t samples_kept_s);

// The connection has come up, perhaps to a Redis that was restarted from less than it had.
void account_on_up(struct account *account);

// Redis has recorded an outcome, as the `ended`-th of all.
void account_note_ended(struct account *account, uint64_t ended);

void account_close(struct account *account); // after the connection

#endif
