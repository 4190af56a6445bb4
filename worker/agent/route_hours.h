// The hours in which a route holds: days of the week, a time of day, a time zone.
#ifndef DIALIN_ROUTE_HOURS_H
#define DIALIN_ROUTE_HOURS_H

#include "route_reader.h"
#include "time_zone.h"

struct route_hours {
    bool is_set;       // false: at any time
    uint8_t days;      // bit 0 is Sunday
    uint16_t from_min; // minutes after midnight
    uint16_t to_min;   // exclusive; not after `from_min`: it runs past midnight
    const char *time_zone;
};

// A read function for route_reader.h.
bool route_read_hours(struct route_reader *reader, const struct route_field *field,
                      const struct route_value *value, void *into);

// Hours that run past midnight belong to the day on which they begin.
bool route_hours_hold(const struct route_hours *hours, uint64_t at_ms);

#endif
