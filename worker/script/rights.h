// The script that tells which commands a user of Redis may not run, of those that the worker needs.
#ifndef DIALIN_RIGHTS_H
#define DIALIN_RIGHTS_H

#include "bytes.h"

// For EVAL with one key, that of the webhooks. Its reply is a list of names: NOPERM for each.
struct bytes_view rights_script(void);

#endif
