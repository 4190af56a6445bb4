// See time_text.h.
#include "time_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MS_PER_S 1000
#define DIGITS_MIN 12 // fewer are seconds, and would be a time of 1970
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

// Takes `count` digits; returns false, and takes nothing, if they are not there.
static bool take_digits(const char **at, unsigned count, int *number)
{
    *number = 0;
    for (unsigned i = 0; i < count; i++) {
        char c = (*at)[i];
        if (c < '0' || c > '9') {
            return false;
        }
        *number = *number * 10 + (c - '0');
    }
    *at += count;
    return true;
}

static bool take(const char **at, char c)
{
    bool is_there = **at == c;
    *at += is_there;
    return is_there;
}

// `Z`, `+01:00`, `-0330` or nothing, and then the end. `is_local`: nothing.
static bool parse_zone(const char *text, bool *is_local, int *minutes)
{
    int hours = 0, rest = 0;
    bool is_west = *text == '-';
    *is_local = !text[0];
    *minutes = 0;
    if (*is_local || !strcmp(text, "Z")) {
        return true;
    }
    if (!take(&text, '+') && !take(&text, '-')) {
        return false;
    }
    bool is_good = take_digits(&text, 2, &hours) && (take(&text, ':') || true) &&
                   take_digits(&text, 2, &rest) && !text[0];
    *minutes = (hours * 60 + rest) * (is_west ? -1 : 1);
    return is_good && hours <= 14 && rest < 60;
}

// `15:04`, with `:05` and `.678` if they are there; *end is after it.
static bool parse_clock(const char *text, struct tm *time, int *fraction_ms, const char **end)
{
    bool is_good = take_digits(&text, 2, &time->tm_hour) && take(&text, ':') &&
                   take_digits(&text, 2, &time->tm_min);
    if (is_good && take(&text, ':')) {
        is_good = take_digits(&text, 2, &time->tm_sec);
        is_good = is_good && (!take(&text, '.') || take_digits(&text, 3, fraction_ms));
    }
    *end = text;
    return is_good && time->tm_hour < 24 && time->tm_min < 60 && time->tm_sec <= 60;
}

static int days_of(int year, int month)
{
    static const int DAYS[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return DAYS[month - 1] + (month == 2 && is_leap);
}

static bool parse_date(const char *text, struct tm *time, const char **end)
{
    bool is_good = take_digits(&text, 4, &time->tm_year) && take(&text, '-') &&
                   take_digits(&text, 2, &time->tm_mon) && take(&text, '-') &&
                   take_digits(&text, 2, &time->tm_mday);
    is_good = is_good && time->tm_year >= 1970 && time->tm_mon >= 1 && time->tm_mon <= 12 &&
              time->tm_mday >= 1 && time->tm_mday <= days_of(time->tm_year, time->tm_mon);
    time->tm_year -= 1900;
    time->tm_mon--;
    *end = text;
    return is_good;
}

bool time_text_parse(const char *text, uint64_t now_ms, uint64_t *ms)
{
    const time_t now = (time_t)(now_ms / MS_PER_S);
    struct tm time = {0};
    int fraction_ms = 0;
    const char *rest = text;
    bool is_local = true;
    int zone_minutes = 0;
    size_t digits = strspn(text, "0123456789");
    if (digits >= DIGITS_MIN && digits <= DIGITS_MAX && !text[digits]) {
        *ms = strtoull(text, NULL, 10);
        return true;
    }
    if (parse_ago(text, now_ms, ms)) {
        return true;
    }
    if (strlen(text) > 4 && text[4] == '-' && parse_date(text, &time, &rest)) {
        bool has_clock = rest[0] == 'T' || rest[0] == ' ';
        if (has_clock ? !parse_clock(rest + 1, &time, &fraction_ms, &rest) : rest[0] != '\0') {
            return false;
        }
    } else {
        localtime_r(&now, &time); // today
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
    *ms = seconds < 0 ? 0 : (uint64_t)seconds * MS_PER_S + (unsigned)fraction_ms;
    return seconds >= 0;
}

static struct tm local(uint64_t ms)
{
    const time_t seconds = (time_t)(ms / MS_PER_S);
    struct tm time;
    localtime_r(&seconds, &time);
    return time;
}

void time_text_print(uint64_t ms, char text[TIME_TEXT_BYTES])
{
    const struct tm time = local(ms);
    long minutes = time.tm_gmtoff / 60;
    long size = minutes < 0 ? -minutes : minutes;
    size_t len = strftime(text, TIME_TEXT_BYTES, "%Y-%m-%dT%H:%M:%S", &time);
    snprintf(text + len, TIME_TEXT_BYTES - len, ".%03u%c%02ld:%02ld", (unsigned)(ms % MS_PER_S),
             minutes < 0 ? '-' : '+', size / 60 % 100, size % 60);
}

void time_text_print_short(uint64_t ms, char text[TIME_TEXT_BYTES])
{
    const struct tm time = local(ms);
    strftime(text, TIME_TEXT_BYTES, "%m-%d %H:%M:%S", &time);
}

void time_text_print_clock(uint64_t ms, char text[TIME_TEXT_BYTES])
{
    const struct tm time = local(ms);
    size_t len = strftime(text, TIME_TEXT_BYTES, "%H:%M:%S", &time);
    snprintf(text + len, TIME_TEXT_BYTES - len, ".%03u", (unsigned)(ms % MS_PER_S));
}

void time_text_print_span(uint64_t ms, char text[TIME_TEXT_BYTES])
{
    uint64_t s = ms / MS_PER_S;
    if (ms < 1000) {
        snprintf(text, TIME_TEXT_BYTES, "%" PRIu64 " ms", ms);
    } else if (s < 60) {
        snprintf(text, TIME_TEXT_BYTES, "%" PRIu64 ".%" PRIu64 " s", s, ms % MS_PER_S / 100);
    } else if (s < 3600) {
        snprintf(text, TIME_TEXT_BYTES, "%" PRIu64 ":%02" PRIu64, s / 60, s % 60);
    } else {
        snprintf(text, TIME_TEXT_BYTES, "%" PRIu64 ":%02" PRIu64 ":%02" PRIu64, s / 3600,
                 s / 60 % 60, s % 60);
    }
}
