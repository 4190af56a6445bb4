// Two start requests compared: the one recorded as sent, and the one that the same webhook makes
// now. Pure.
#ifndef DIALIN_AUDIT_DIFFERENCE_H
#define DIALIN_AUDIT_DIFFERENCE_H

#include "bytes.h"

#include <stdbool.h>
#include <stdint.h>

#define REQUEST_DIFF_PATH_BYTES_MAX 1024
#define REQUEST_DIFF_DEPTH_MAX 40 // a request is nested a little deeper than its webhook may be
#define REQUEST_DIFF_ABSENT "absent"

// One difference: its path, and the JSON on both sides (REQUEST_DIFF_ABSENT if there is none).
// Borrowed for the callback.
typedef void request_diff_on_found(const char *path, const char *recorded, const char *now,
                                   void *arg);

// The `exp` of a recorded request, with which the other side is made; 0 if it has none.
uint64_t request_diff_expiry(struct bytes_view recorded);

// Compares, and calls for each difference; answers how many there are. A recorded `[redacted]` is
// equal to any text. A text that is not JSON differs as a whole, with the path `(request)`.
uint64_t request_diff_find(struct bytes_view recorded, struct bytes_view now,
                           request_diff_on_found *on_found, void *arg);

#endif
