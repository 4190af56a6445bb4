// How many sessions were started for each Idempotency-Key: what tells whether one call got two
// bots. Bounded: keys beyond START_COUNTS_KEYS_MAX, or too long, are only counted as not kept.
#ifndef AGENT_START_COUNTS_H
#define AGENT_START_COUNTS_H

#include "bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define START_COUNTS_KEYS_MAX (1U << 21)
#define START_COUNTS_KEY_BYTES_MAX 256

struct start_counts;
struct start_counts *start_counts_open(void);
void start_counts_close(struct start_counts *counts);

void start_counts_add(struct start_counts *counts, const char *key);
uint64_t start_counts_of(const struct start_counts *counts, const char *key);
void start_counts_forget(struct start_counts *counts);

size_t start_counts_keys(const struct start_counts *counts);
size_t start_counts_repeated(const struct start_counts *counts); // keys with more than one start
uint64_t start_counts_not_kept(const struct start_counts *counts);

// Appends {"<key>":n,…} of keys with more than `over` starts; false where `out` cannot hold it.
bool start_counts_print(const struct start_counts *counts, uint64_t over, struct bytes *out);

#endif
