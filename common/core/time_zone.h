// Local time in the time zones of this machine (package tzdata), for opening hours.
#ifndef DIALIN_TIME_ZONE_H
#define DIALIN_TIME_ZONE_H

#include <stdbool.h>
#include <stdint.h>

#define TIME_ZONE_NAME_BYTES_MAX 63

// Call once at the start of main, before any thread starts: it puts TZ into the environment, and
// getenv() of another thread must not meet setenv().
void time_zone_init(void);

// True if `name` is a time zone of this machine, as in "America/New_York" or "UTC".
bool time_zone_exists(const char *name);

// Seconds east of Greenwich in that zone at that time, summer time included. `name` must exist.
int32_t time_zone_offset_s(const char *name, uint64_t at_s);

#endif
