// What every long-running program does first, and how it ends.
#ifndef DIALIN_PROCESS_H
#define DIALIN_PROCESS_H

#include "config.h"

// No core dumps (they would hold secrets), no SIGPIPE, JSON's memory guarded.
void process_init(void);

// Prints all problems, each with its variable's name, and returns the exit code: 0 where there are
// none (--check-config says so), 1 otherwise.
int process_report(const struct config_problems *problems, const char *program);

#endif
