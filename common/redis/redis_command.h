// What is made and not written down of a command: keys, numbers, and its form on the wire. Pure.
#ifndef DIALIN_REDIS_COMMAND_H
#define DIALIN_REDIS_COMMAND_H

#include "bytes.h"

#include <stdint.h>

#define REDIS_KEY_BYTES_MAX                                                                        \
    512 // a longer one is empty; prefix, agent and call_id are bounded below
#define REDIS_NUMBER_BYTES 24
#define REDIS_WORD_FRAME_BYTES_MAX (REDIS_NUMBER_BYTES + 5) // what a word has around it on the wire

// A key that stays: <prefix>:<name>. To be released by bytes_release.
void redis_key_init(struct bytes *key, const char *prefix, const char *name);

// A key that changes with what is at hand: <prefix>:<kind>:<name>. `key` was made by
// redis_key_init_empty.
void redis_key_init_empty(struct bytes *key);
void redis_key_set(struct bytes *key, const char *prefix, const char *kind, struct bytes_view name);

// In decimal; points into `text`, without a NUL.
struct bytes_view redis_number(char text[REDIS_NUMBER_BYTES], uint64_t value);

// Appends a command in Redis' protocol, to which `more` words will be appended; false where it
// would pass the maximum of `out`.
bool redis_command_append(struct bytes *out, size_t argc, const struct bytes_view *argv,
                          size_t more);
bool redis_word_append(struct bytes *out, struct bytes_view word);

#endif
