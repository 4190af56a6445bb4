// Chance that can be repeated: one seed gives one sequence. Not for secrets. Plain memory.
#ifndef AGENT_CHANCE_H
#define AGENT_CHANCE_H

#include <stdbool.h>
#include <stdint.h>

struct chance {
    uint64_t state;
};

void chance_init(struct chance *chance, uint64_t seed); // 0: a seed from the system
uint64_t chance_next(struct chance *chance);
uint64_t chance_up_to(struct chance *chance, uint64_t max); // 0 to `max`, both included
bool chance_hits(struct chance *chance, double probability);

#define CHANCE_UUID_BYTES 37
void chance_uuid(struct chance *chance, char *out); // version 4, with its NUL

#endif
