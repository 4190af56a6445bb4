// See moment.h.
#include "moment.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MS_PER_S 1000
#define DIGITS_MAX 17

static bool parse_ago(const char *text, uint64_t now_ms, uint64_t *ms)
{
    static const struct {
        char unit;
        uint64_t ms;
    } UNITS[] = {{'s', 1000}, {'m', 60 * 1000}, {'h', 3600 * 1000}, {'d', 24 * 3600 * 1000}};
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 6 || strlen(text) != digits + 1) {
        return false;
    }
    for (size_t i = 0; i < sizeof UNITS / sizeof UNITS[0]; i++) {
        if (text[digits] == UNITS[i].unit) {
            uint64_t ago_ms = strtoull(text, NULL, 10) * UNITS[i].ms;
            *ms = ago_ms < now_ms ? now_ms - ago_ms : 0;
            return true;
        }
    }
    return false;
}

// `Z`, `+01:00`, `-0330` or nothing, and then the end. `is_local`: nothing.
static bool parse_zone(const char *text, bool *is_local, int *minutes)
{
    int hours = 0, rest = 0, len = 0;
    *is_local = !text[0];
    *minutes = 0;
    if (*is_local || !strcmp(text, "Z")) {
        return true;
    }
    if (text[0] != '+' && text[0] != '-') {
        return false;
    }
    bool is_good = (sscanf(text + 1, "%2d:%2d%n", &hours, &rest, &len) == 2 && len == 5) ||
                   (sscanf(text + 1, "%2d%2d%n", &hours, &rest, &len) == 2 && len == 4);
    *minutes = (hours * 60 + rest) * (text[0] == '-' ? -1 : 1);
    return is_good && !text[1 + len] && hours <= 14 && rest < 60;
}

// `15:04`, with `:05` and `.678` where they are there; *end is behind it.
static bool parse_clock(const char *text, struct tm *time, unsigned *fraction_ms, const char **end)
{
    int len = 0;
    if (sscanf(text, "%2d:%2d%n", &time->tm_hour, &time->tm_min, &len) != 2 || len != 5) {
        return false;
    }
    text += len;
    len = 0;
    if (text[0] == ':' && (sscanf(text, ":%2d%n", &time->tm_sec, &len) != 1 || len != 3)) {
        return false;
    }
    text += len;
    if (text[0] == '.') {
        size_t digits = strspn(text + 1, "0123456789");
        if (digits != 3) {
            return false;
        }
        *fraction_ms = (unsigned)strtoul(text + 1, NULL, 10);
        text += 4;
    }
    *end = text;
    return time->tm_hour < 24 && time->tm_min < 60 && time->tm_sec <= 60 && text[0] != '-';
}

static bool parse_date(const char *text, struct tm *time, const char **end)
{
    int len = 0;
    if (sscanf(text, "%4d-%2d-%2d%n", &time->tm_year, &time->tm_mon, &time->tm_mday, &len) != 3 ||
        len != 10 || time->tm_year < 1970 || time->tm_mon < 1 || time->tm_mon > 12 ||
        time->tm_mday < 1 || time->tm_mday > 31) {
        return false;
    }
    time->tm_year -= 1900;
    time->tm_mon--;
    *end = text + len;
    return true;
}

bool moment_parse(const char *text, uint64_t now_ms, uint64_t *ms)
{
    const time_t now = (time_t)(now_ms / MS_PER_S);
    struct tm time = {0};
    unsigned fraction_ms = 0;
    const char *rest = text;
    bool is_local = true;
    int zone_minutes = 0;
    size_t digits = strspn(text, "0123456789");
    if (digits >= 10 && digits <= DIGITS_MAX && !text[digits]) {
        *ms = strtoull(text, NULL, 10);
        return true;
    }
    if (parse_ago(text, now_ms, ms)) {
        return true;
    }
    if (parse_date(text, &time, &rest)) {
        bool has_clock = rest[0] == 'T' || rest[0] == ' ';
        if (has_clock ? !parse_clock(rest + 1, &time, &fraction_ms, &rest) : rest[0] != '\0') {
            return false;
        }
    } else {
        localtime_r(&now, &time);
        time.tm_sec = 0;
        if (!parse_clock(text, &time, &fraction_ms, &rest)) {
            return false;
        }
    }
    if (!parse_zone(rest, &is_local, &zone_minutes)) {
        return false;
    }
    time.tm_isdst = -1;
    time_t seconds = is_local ? mktime(&time) : timegm(&time) - zone_minutes * 60;
    *ms = seconds < 0 ? 0 : (uint64_t)seconds * MS_PER_S + fraction_ms;
    return seconds >= 0;
}

static struct tm local(uint64_t ms)
{
    const time_t seconds = (time_t)(ms / MS_PER_S);
    struct tm time;
    localtime_r(&seconds, &time);
    return time;
}

void moment_print(uint64_t ms, char text[MOMENT_BYTES])
{
    const struct tm time = local(ms);
    long minutes = time.tm_gmtoff / 60;
    long size = minutes < 0 ? -minutes : minutes;
    size_t len = strftime(text, MOMENT_BYTES, "%Y-%m-%dT%H:%M:%S", &time);
    snprintf(text + len, MOMENT_BYTES - len, ".%03u%c%02ld:%02ld", (unsigned)(ms % MS_PER_S),
             minutes < 0 ? '-' : '+', size / 60 % 100, size % 60);
}

void moment_print_short(uint64_t ms, char text[MOMENT_BYTES])
{
    const struct tm time = local(ms);
    strftime(text, MOMENT_BYTES, "%m-%d %H:%M:%S", &time);
}

void moment_print_clock(uint64_t ms, char text[MOMENT_BYTES])
{
    const struct tm time = local(ms);
    size_t len = strftime(text, MOMENT_BYTES, "%H:%M:%S", &time);
    snprintf(text + len, MOMENT_BYTES - len, ".%03u", (unsigned)(ms % MS_PER_S));
}

void moment_print_span(uint64_t ms, char text[MOMENT_BYTES])
{
    uint64_t s = ms / MS_PER_S;
    if (ms < 1000) {
        snprintf(text, MOMENT_BYTES, "%" PRIu64 " ms", ms);
    } else if (s < 60) {
        snprintf(text, MOMENT_BYTES, "%" PRIu64 ".%" PRIu64 " s", s, ms % MS_PER_S / 100);
    } else if (s < 3600) {
        snprintf(text, MOMENT_BYTES, "%" PRIu64 ":%02" PRIu64, s / 60, s % 60);
    } else {
        snprintf(text, MOMENT_BYTES, "%" PRIu64 ":%02" PRIu64 ":%02" PRIu64, s / 3600, s / 60 % 60,
                 s % 60);
    }
}
