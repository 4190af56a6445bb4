// dialin-audit --query: the command line as one JSON object on standard input, for the board:
// numbers and call ids in argv could be read by everybody on the machine. Its output is --json.
//
//   {"command": "list", "since": "1h", "limit": 100}      {"command": "show", "argument": "c-1"}
#ifndef DIALIN_AUDIT_QUERY_H
#define DIALIN_AUDIT_QUERY_H

#include "json.h"

#include <stdbool.h>
#include <stdio.h>

#define QUERY_BYTES_MAX 16384
#define QUERY_FLAGS_MAX 16

// The command line that a query stands for; `argv` ends with NULL.
struct query {
    int argc;
    char *argv[QUERY_FLAGS_MAX + 6];
};

// False, after a sentence on standard error, if it is not a query.
bool query_read(struct query *query, FILE *file);
void query_release(struct query *query);

#endif
