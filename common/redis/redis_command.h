// Builds decimal numbers and the RESP encoding of a command. Pure.
#ifndef DIALIN_REDIS_COMMAND_H
#define DIALIN_REDIS_COMMAND_H

#include "bytes.h"

#include <stdint.h>

#define REDIS_NUMBER_BYTES 24
#define REDIS_ARG_FRAME_BYTES_MAX (REDIS_NUMBER_BYTES + 5) // the framing of a word on the wire

// In decimal; points into `text`, without a NUL.
struct bytes_view redis_number(char text[REDIS_NUMBER_BYTES], uint64_t value);

// Appends a command in Redis' protocol, to which `more` words will be appended; returns false if it
// would pass the maximum of `out`.
bool redis_command_append(struct bytes *out, size_t argc, const struct bytes_view *argv,
                          size_t more);
bool redis_arg_append(struct bytes *out, struct bytes_view arg);

#endif
