// See route_hours.h.
#include "route_hours.h"

#include <string.h>
#include <strings.h>

#define MINUTES_PER_DAY 1440
#define SECONDS_PER_DAY 86400
#define EVERY_DAY 0x7f
#define FIRST_OF_1970 4 // 1 January 1970 was a Thursday

struct hours_text {
    const char *days, *from, *to, *time_zone;
};

// --- reading ------------------------------------------------------------------------------------

static int read_day(const char **at)
{
    static const char *const DAYS[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};
    for (int day = 0; day < 7; day++) {
        if (!strncasecmp(*at, DAYS[day], 3)) {
            *at += 3;
            return day;
        }
    }
    return -1;
}

// "mon-fri,sun": 0 if it is not a list of days. A range may run over Saturday, as in "sat-mon".
static uint8_t read_days(const char *text)
{
    uint8_t days = 0;
    for (const char *at = text;; at++) {
        while (*at == ' ') {
            at++;
        }
        int first = read_day(&at), last = first;
        if (first >= 0 && *at == '-') {
            at++;
            last = read_day(&at);
        }
        if (first < 0 || last < 0 || (*at && *at != ',')) {
            return 0;
        }
        for (int day = first;; day = (day + 1) % 7) {
            days = (uint8_t)(days | 1U << day);
            if (day == last) {
                break;
            }
        }
        if (!*at) {
            return days;
        }
    }
}

// "HH:MM", from 00:00 to 24:00; -1 if it is not.
static int read_time(const char *text)
{
    bool is_shaped = strlen(text) == 5 && text[2] == ':';
    for (size_t i = 0; is_shaped && i < 5; i++) {
        is_shaped = i == 2 || (text[i] >= '0' && text[i] <= '9');
    }
    if (!is_shaped) {
        return -1;
    }
    int hour = (text[0] - '0') * 10 + text[1] - '0', minute = (text[3] - '0') * 10 + text[4] - '0';
    int minutes = hour * 60 + minute;
    return minute < 60 && minutes <= MINUTES_PER_DAY ? minutes : -1;
}

bool route_read_hours(struct route_reader *reader, const struct route_field *field,
                      const struct route_value *value, void *into)
{
    static const struct route_field FIELDS[] = {
        {"days", route_read_text, offsetof(struct hours_text, days), 0, 0},
        {"from", route_read_text, offsetof(struct hours_text, from), 0, 0},
        {"to", route_read_text, offsetof(struct hours_text, to), 0, 0},
        {"time_zone", route_read_text, offsetof(struct hours_text, time_zone), 0, 0},
        {0},
    };
    struct route_hours *hours = into;
    struct hours_text text = {NULL, "00:00", "24:00", NULL};
    const char *at = value->raw.data;
    (void)field;
    if (!route_read_members(reader, value, "hours", FIELDS, &text)) {
        return false;
    }
    if (!text.time_zone || !time_zone_exists(text.time_zone)) {
        return route_refuse(reader, at, "hours.time_zone",
                            "must name a time zone that this machine knows, as in "
                            "\"America/New_York\" (package tzdata)");
    }
    int from = read_time(text.from), to = read_time(text.to);
    if (from < 0 || to < 0 || from == MINUTES_PER_DAY || from == to) {
        return route_refuse(reader, at, "hours",
                            "needs \"from\" and \"to\" that differ, as in \"09:00\" and \"17:00\"");
    }
    uint8_t days = text.days ? read_days(text.days) : EVERY_DAY;
    if (!days) {
        return route_refuse(reader, at, "hours.days",
                            "must be days, ranges of days and lists of these, as in "
                            "\"mon-fri,sun\"");
    }
    *hours = (struct route_hours){true, days, (uint16_t)from, (uint16_t)to, text.time_zone};
    return true;
}

// --- judging ------------------------------------------------------------------------------------

bool route_hours_hold(const struct route_hours *hours, uint64_t at_ms)
{
    if (!hours->is_set) {
        return true;
    }
    const uint64_t at_s = at_ms / 1000;
    const int64_t local_s = (int64_t)at_s + time_zone_offset_s(hours->time_zone, at_s);
    const int64_t minute = local_s % SECONDS_PER_DAY / 60;
    int64_t day = local_s / SECONDS_PER_DAY;
    bool is_past_midnight = hours->from_min > hours->to_min && minute < hours->to_min;
    bool is_within = hours->from_min < hours->to_min
                         ? minute >= hours->from_min && minute < hours->to_min
                         : is_past_midnight || minute >= hours->from_min;
    day -= is_past_midnight;
    return is_within && (hours->days >> ((day + FIRST_OF_1970) % 7) & 1);
}
