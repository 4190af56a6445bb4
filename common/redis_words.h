// The words of a command that are made and not written down: keys and numbers. Pure.
#ifndef DIALIN_REDIS_WORDS_H
#define DIALIN_REDIS_WORDS_H

#include "bytes.h"

#include <stdint.h>

#define REDIS_KEY_BYTES_MAX                                                                        \
    512 // a longer one is empty; prefix, agent and call_id are bounded below
#define REDIS_NUMBER_BYTES 24

// A key that stays: <prefix>:<name>. To be released by bytes_release.
void redis_key_init(struct bytes *key, const char *prefix, const char *name);

// A key that changes with what is at hand: <prefix>:<kind>:<name>. `key` was made by
// redis_key_init_empty.
void redis_key_init_empty(struct bytes *key);
void redis_key_set(struct bytes *key, const char *prefix, const char *kind, struct bytes_view name);

// In decimal; points into `text`.
struct bytes_view redis_number(char text[REDIS_NUMBER_BYTES], uint64_t value);

#endif
