// Traces the errors of a script back to the file in which the failing line stands.
#ifndef DIALIN_SCRIPT_ERROR_H
#define DIALIN_SCRIPT_ERROR_H

#include "bytes.h"

#define SCRIPT_ERROR_BYTES 512

// Copies Redis' error to `out`, at most `size` - 1 bytes of it, with `begin.lua:23` for each
// `user_script:268`. `script` is the text of the script that was run.
void script_error_explain(struct bytes_view script, const char *error, char *out, size_t size);

#endif
