// See points.h.
#include "points.h"

#include <inttypes.h>

void points_add(struct points *points, const struct point *point)
{
    points->points[points->next] = *point;
    points->next = (points->next + 1) % POINTS_MAX;
    points->count += points->count < POINTS_MAX ? 1 : 0;
}

void points_append(const struct points *points, struct bytes *out)
{
    bytes_append_text(out, "event: history\ndata: [");
    for (size_t i = 0; i < points->count; i++) {
        size_t at = (points->next + POINTS_MAX - points->count + i) % POINTS_MAX;
        const struct point *point = &points->points[at];
        bytes_printf(out, "%s[%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 "]", i > 0 ? "," : "",
                     point->now_ms, point->started, point->lost, point->waiting);
    }
    bytes_append_text(out, "]\n\n");
}
