// Base64 as RFC 4648 has it, with padding.
#ifndef DIALIN_BASE64_H
#define DIALIN_BASE64_H

#include "bytes.h"

// The number of bytes decoded; 0 if `text` is not canonical base64 or its bytes exceed `size`.
size_t base64_decode(struct bytes_view text, unsigned char *out, size_t size);

// Appends; false if the maximum of `out` would be passed.
bool base64_append(struct bytes *out, const unsigned char *data, size_t len);

#endif
