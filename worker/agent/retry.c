// See retry.h. Jitter takes away up to half of a backoff and never adds: the wait lies
// between half of the stated time and all of it, so that the stated maximum holds. What /start
// tells by Retry-After is kept to the millisecond, without jitter: the server has chosen the
// moment. A line's own pace is kept with the line, in worker/line/pace.lua. Dates are
// computed here, because strptime() follows the locale and timegm() accepts a 31st of February.
#include "retry.h"

#include "json.h"

#include <string.h>

#define MS_PER_S 1000

static uint64_t grown(uint64_t first_ms, unsigned times, uint64_t most_ms)
{
    uint64_t ms = first_ms;
    while (times-- > 0 && ms < most_ms) {
        ms *= 2;
    }
    return ms < most_ms ? ms : most_ms;
}

static uint64_t jittered(uint64_t ms, uint32_t chance)
{
    uint64_t half_ms = ms / 2;
    return ms - half_ms + (half_ms * chance >> 32);
}

// --- Retry-After ------------------------------------------------------------------------------

static bool take_number(const char **at, const char *end, size_t digits, unsigned *number)
{
    *number = 0;
    if ((size_t)(end - *at) < digits) {
        return false;
    }
    for (size_t i = 0; i < digits; i++, (*at)++) {
        if (**at < '0' || **at > '9') {
            return false;
        }
        *number = *number * 10 + (unsigned)(**at - '0');
    }
    return true;
}

static bool take_text(const char **at, const char *end, const char *text)
{
    size_t len = strlen(text);
    if ((size_t)(end - *at) < len || memcmp(*at, text, len) != 0) {
        return false;
    }
    *at += len;
    return true;
}

// The index of the three letters at `at` among `names`, from 0; -1: none.
static int take_name(const char **at, const char *end, const char *names)
{
    for (int i = 0; names[3 * i] && end - *at >= 3; i++) {
        if (!memcmp(*at, names + (size_t)(3 * i), 3)) {
            *at += 3;
            return i;
        }
    }
    return -1;
}

static unsigned days_of_month(unsigned year, unsigned month)
{
    static const unsigned char DAYS[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && is_leap ? 29 : DAYS[month - 1];
}

// Of the Gregorian calendar. Years begin in March here, so that a leap day ends one.
static uint64_t days_since_1970(unsigned year, unsigned month, unsigned day)
{
    unsigned march_year = month <= 2 ? year - 1 : year;
    unsigned march_month = month <= 2 ? month + 9 : month - 3;
    uint64_t leap_days = march_year / 4 - march_year / 100 + march_year / 400;
    return (uint64_t)march_year * 365 + leap_days + (153 * march_month + 2) / 5 + day - 1 - 719468;
}

// "Sun, 06 Nov 1994 08:49:37 GMT", the one form that RFC 9110 lets servers send.
static bool parse_date(const char *at, const char *end, uint64_t *unix_s)
{
    unsigned day, year, hour, minute, second;
    if (take_name(&at, end, "MonTueWedThuFriSatSun") < 0 || !take_text(&at, end, ", ") ||
        !take_number(&at, end, 2, &day) || !take_text(&at, end, " ")) {
        return false;
    }
    unsigned month = 1 + (unsigned)take_name(&at, end, "JanFebMarAprMayJunJulAugSepOctNovDec");
    if (month == 0 || !take_text(&at, end, " ") || !take_number(&at, end, 4, &year) ||
        !take_text(&at, end, " ") || !take_number(&at, end, 2, &hour) ||
        !take_text(&at, end, ":") || !take_number(&at, end, 2, &minute) ||
        !take_text(&at, end, ":") || !take_number(&at, end, 2, &second) ||
        !take_text(&at, end, " GMT") || at != end) {
        return false;
    }
    if (year < 1970 || day < 1 || day > days_of_month(year, month) || hour > 23 || minute > 59 ||
        second > 60) {
        return false;
    }
    *unix_s = days_since_1970(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
    return true;
}

// Stops counting where more makes no difference.
static bool parse_seconds(const char *at, const char *end, uint64_t *seconds)
{
    *seconds = 0;
    for (const char *digit = at; digit < end; digit++) {
        if (*digit < '0' || *digit > '9') {
            return false;
        }
        if (*seconds < RETRY_AFTER_MS_MAX) {
            *seconds = *seconds * 10 + (uint64_t)(*digit - '0');
        }
    }
    return at < end;
}

bool retry_after_parse(struct bytes_view value, uint64_t wall_s, uint64_t *after_ms)
{
    uint64_t seconds = 0, unix_s = 0;
    while (value.len > 0 && (value.data[0] == ' ' || value.data[0] == '\t')) {
        value = (struct bytes_view){value.data + 1, value.len - 1};
    }
    while (value.len > 0 &&
           (value.data[value.len - 1] == ' ' || value.data[value.len - 1] == '\t')) {
        value.len--;
    }
    if (value.len == 0) {
        return false;
    }
    const char *end = value.data + value.len;
    if (!parse_seconds(value.data, end, &seconds)) {
        if (!parse_date(value.data, end, &unix_s)) {
            return false;
        }
        seconds = unix_s > wall_s ? unix_s - wall_s : 0;
    }
    *after_ms = seconds < RETRY_AFTER_MS_MAX / MS_PER_S ? seconds * MS_PER_S : RETRY_AFTER_MS_MAX;
    return true;
}

// --- decisions --------------------------------------------------------------------------------

// The Retry-After of /start; a value of 0 does not make anybody ask without pause.
static uint64_t retry_after_ms(const struct retry_situation *situation)
{
    uint64_t after_ms = 0;
    return retry_after_parse(situation->retry_after, situation->wall_s, &after_ms) ? after_ms : 0;
}

static enum retry_decision decide_failure(const struct retry_situation *situation,
                                          struct retry_delay *delay)
{
    unsigned failures = situation->failures;
    bool is_line = failures >= RETRY_FAILURES_MAX - 1;
    delay->retry_after_ms = retry_after_ms(situation);
    delay->backoff_ms = delay->retry_after_ms;
    if (delay->backoff_ms == 0 && is_line) {
        delay->backoff_ms =
            grown(RETRY_BACKOFF_MS_MIN, failures - (RETRY_FAILURES_MAX - 1), RETRY_LINE_MS_MAX);
    } else if (delay->backoff_ms == 0) {
        delay->backoff_ms = jittered(grown(RETRY_BACKOFF_MS_MIN, failures, RETRY_BACKOFF_MS_MAX),
                                     situation->chance);
    }
    return is_line ? RETRY_LINE : RETRY_FAILED;
}

// Pipecat's runner was started for another transport, as `detail` states.
static bool is_of_another_transport(const struct json_document *document)
{
    const char *detail = json_text(document->tree, "detail");
    return detail && !strncmp(detail, "Transport ", 10) && strstr(detail, "not allowed");
}

// What the `code` of Pipecat Cloud, or the runner's `detail`, makes of a 4xx; the status, if
// neither says anything about the agent.
static unsigned status_of(const struct retry_situation *situation)
{
    static const struct {
        const char *code;
        unsigned status;
    } CODES[] = {
        {"PCC-AGENT-AT-CAPACITY", 429}, // the pool is full, whatever the status is
        {"PCC-1001", 404},              // the deployment is not ready
        {"PCC-1002", 402},              // no key, or billing
        {"PCC-1004", 402},
    };
    struct json_document document;
    unsigned status = situation->status;
    if (status < 400 || status >= 600 || json_parse(&document, situation->body)) {
        return status;
    }
    const char *code = json_text(document.tree, "code");
    for (size_t i = 0; code && i < sizeof CODES / sizeof CODES[0]; i++) {
        bool is_any = CODES[i].status == 429;
        if (!strcmp(code, CODES[i].code) && (is_any || status < 500)) {
            status = CODES[i].status;
            break;
        }
    }
    if (status == 400 && is_of_another_transport(&document)) {
        status = 404;
    }
    json_release(&document);
    return status;
}

enum retry_decision retry_decide(const struct retry_situation *situation, struct retry_delay *delay)
{
    unsigned status = status_of(situation);
    *delay = (struct retry_delay){0};
    if (status >= 200 && status < 300) {
        return RETRY_STARTED;
    }
    if (status == 429) {
        delay->retry_after_ms = retry_after_ms(situation);
        return RETRY_FULL;
    }
    if (status == 0 && situation->is_hold_over) {
        return RETRY_CUT;
    }
    if (situation->is_own_fault) {
        delay->backoff_ms = jittered(RETRY_BACKOFF_MS_MIN, situation->chance);
        return RETRY_OWN_FAULT;
    }
    if (status < 200 || status == 408 || status == 425 || status >= 500) {
        return decide_failure(situation, delay);
    }
    if (status < 400 || (status >= 401 && status <= 404)) {
        delay->retry_after_ms = RETRY_CONFIGURATION_MS;
        return RETRY_CONFIGURATION;
    }
    return status == 413 ? RETRY_TOO_LARGE : RETRY_REJECTED;
}
