// The last minutes, for the charts of a page that was just opened. Plain memory.
#ifndef DIALIN_BOARD_POINTS_H
#define DIALIN_BOARD_POINTS_H

#include "bytes.h"

#include <stdint.h>

#define POINTS_MAX 300
#define POINTS_BYTES_MAX (POINTS_MAX * 96)

// Counts since the stream was made, and who waits.
struct point {
    uint64_t now_ms, started, lost, waiting;
};

// A ring; zeroed is right to begin with.
struct points {
    struct point points[POINTS_MAX];
    size_t next, count;
};

void points_add(struct points *points, const struct point *point);

// Appends the message `history`: [[ms, started, lost, waiting], …], the oldest first.
void points_append(const struct points *points, struct bytes *out);

#endif
