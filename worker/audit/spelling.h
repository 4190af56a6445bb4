// "Did you mean …?" Pure.
#ifndef DIALIN_AUDIT_SPELLING_H
#define DIALIN_AUDIT_SPELLING_H

#include <stddef.h>

#define SPELLING_ERRORS_MAX 2

// The name that differs from `text` by the fewest letters (missing, added, another one), at most
// SPELLING_ERRORS_MAX, or that `text` begins; NULL if there is none.
const char *spelling_nearest(const char *text, const char *const *names, size_t count);

#endif
