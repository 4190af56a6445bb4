// "Did you mean …?"
#ifndef DIALIN_AUDIT_SPELLING_H
#define DIALIN_AUDIT_SPELLING_H

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>

#define SPELLING_ERRORS_MAX 2

// The name that differs from `text` by the fewest letters (missing, added, another one), at most
// SPELLING_ERRORS_MAX, or that `text` begins; NULL if there is none.
const char *spelling_nearest(const char *text, const char *const *names, size_t count);

// getopt_long would take the beginning of a flag for the flag: a script would then break with the
// next flag that begins so. Returns false, after a sentence on standard error, if one of the words
// begins with -- and is not one of the flags.
bool spelling_check_flags(int argc, char **argv, const struct option *long_options);

#endif
