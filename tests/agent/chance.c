// A SplitMix64 generator: one addition and three mixing steps for each number, good enough for
// jitter, dice and identifiers that only have to differ.
#include "chance.h"

#include <stdio.h>
#include <sys/random.h>

void chance_init(struct chance *chance, uint64_t seed)
{
    chance->state = seed;
    if (seed == 0 && getrandom(&chance->state, sizeof chance->state, 0) < 0) {
        chance->state = 1;
    }
}

uint64_t chance_next(struct chance *chance)
{
    uint64_t mixed = chance->state += 0x9e3779b97f4a7c15U;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9U;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebU;
    return mixed ^ (mixed >> 31);
}

uint64_t chance_up_to(struct chance *chance, uint64_t max)
{
    return max == UINT64_MAX ? chance_next(chance) : chance_next(chance) % (max + 1);
}

bool chance_hits(struct chance *chance, double probability)
{
    if (probability <= 0) {
        return false;
    }
    return probability >= 1 || (double)(chance_next(chance) >> 11) * 0x1p-53 < probability;
}

void chance_uuid(struct chance *chance, char *out)
{
    static const char DIGITS[] = "0123456789abcdef";
    uint64_t high = chance_next(chance);
    uint64_t low = chance_next(chance);
    high = (high & ~UINT64_C(0xf000)) | 0x4000;
    low = (low & ~(UINT64_C(3) << 62)) | (UINT64_C(1) << 63);
    for (unsigned i = 0, digit = 0; i < CHANCE_UUID_BYTES - 1; i++) {
        if (i == 8 || i == 13 || i == 18 || i == 23) {
            out[i] = '-';
            continue;
        }
        uint64_t half = digit < 16 ? high : low;
        out[i] = DIGITS[half >> (60 - 4 * (digit % 16)) & 15];
        digit++;
    }
    out[CHANCE_UUID_BYTES - 1] = '\0';
}
