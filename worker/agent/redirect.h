// Names where a redirect leads, for the log. Pure.
#ifndef DIALIN_REDIRECT_H
#define DIALIN_REDIRECT_H

#include "bytes.h"

#define REDIRECT_TARGET_BYTES 160 // a longer one is cut

// Host and path of the `Location` as sent: without scheme, user, password, query and fragment.
// Bytes that are not printable ASCII are written as %XX. Empty if it names neither.
void redirect_target(struct bytes_view location, char out[REDIRECT_TARGET_BYTES]);

#endif
