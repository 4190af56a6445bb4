// See child_text.h.
#include "child_text.h"

#include "mask.h"

#include <string.h>

void child_text_sentence(struct bytes_view errors, struct bytes *out)
{
    static const char PROGRAM[] = "dialin-audit: ";
    const char *end = errors.len > 0 ? memchr(errors.data, '\n', errors.len) : NULL;
    errors.len = end ? (size_t)(end - errors.data) : errors.len;
    if (errors.len > sizeof PROGRAM - 1 && !memcmp(errors.data, PROGRAM, sizeof PROGRAM - 1)) {
        errors = (struct bytes_view){errors.data + sizeof PROGRAM - 1,
                                     errors.len - (sizeof PROGRAM - 1)};
    }
    mask_text(errors, out);
}
