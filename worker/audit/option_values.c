// See option_values.h.
#include "option_values.h"

#include "loop.h"
#include "phone_number.h"
#include "screen.h"
#include "time_text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LIMIT_DIGITS_MAX 9

bool option_complain(const char *subject, const char *sentence)
{
    screen_complain("%s %s", subject, sentence);
    return false;
}

bool option_time(const char *flag, const char *text, uint64_t *ms)
{
    return time_text_parse(text, loop_wall_ms(), ms) ||
           option_complain(flag, "is not a time; give one as " TIME_TEXT_FORMS(" "));
}

bool option_limit(const char *flag, const char *text, uint64_t *limit)
{
    size_t len = strlen(text);
    if (len == 0 || len > LIMIT_DIGITS_MAX || strspn(text, "0123456789") != len) {
        return option_complain(flag, "must be a number");
    }
    *limit = strtoull(text, NULL, 10);
    return true;
}

bool option_colours(const char *text, enum screen_colours *colours)
{
    static const char *const NAMES[] = {[SCREEN_COLOURS_AUTO] = "auto",
                                        [SCREEN_COLOURS_ALWAYS] = "always",
                                        [SCREEN_COLOURS_NEVER] = "never"};
    for (unsigned i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        if (!strcmp(NAMES[i], text)) {
            *colours = (enum screen_colours)i;
            return true;
        }
    }
    return option_complain("--color", "is auto, always or never");
}

bool option_speed(const char *text, double *speed)
{
    char *end = NULL;
    if (!strcmp(text, "max")) {
        *speed = 0;
        return true;
    }
    *speed = strtod(text, &end);
    return (end != text && !*end && isfinite(*speed) && *speed > 0 &&
            *speed <= OPTIONS_SPEED_MAX) ||
           option_complain("--speed", "must be a factor from above 0 to 1000, or max");
}

bool option_state(const char *text, struct options *options)
{
    enum recorded_state state = RECORDED_UNKNOWN;
    options->selection.state = text;
    return recorded_state_of(text, &state) ||
           option_complain("--state",
                           "is queued, starting, waiting, started, dead, duplicate or unknown");
}

// Every reason with which a call can be dead, of this version or a later one.
bool option_reason(const char *text, struct selection *selection)
{
    static const char *const REASONS[] = {"expired", "unknown",   "rejected",
                                          "invalid", "declined",  "abandoned",
                                          "served",  "cancelled", "conflict"};
    selection->reason = text;
    for (size_t i = 0; i < sizeof REASONS / sizeof REASONS[0]; i++) {
        if (!strcmp(REASONS[i], text)) {
            return true;
        }
    }
    return option_complain("--reason",
                           "is expired, unknown, rejected, invalid, declined, abandoned, "
                           "served, cancelled or conflict");
}

bool option_verdict(const char *text, struct selection *selection)
{
    static const char *const VERDICTS[] = {"connected", "ended", "never_connected", "failed"};
    selection->verdict = text;
    for (size_t i = 0; i < sizeof VERDICTS / sizeof VERDICTS[0]; i++) {
        if (!strcmp(VERDICTS[i], text)) {
            return true;
        }
    }
    return option_complain("--verdict", "is connected, ended, never_connected or failed");
}

bool option_kind(const char *text, struct selection *selection)
{
    enum webhook_kind kind = WEBHOOK_DIALIN;
    selection->kind = text;
    return webhook_kind_of(view_of_text(text), &kind) ||
           option_complain("--kind", "is dialin, dialout or trunk");
}

bool option_handle_s(const char *text, struct options *options)
{
    size_t len = strlen(text);
    bool is_number = len > 0 && len <= LIMIT_DIGITS_MAX && strspn(text, "0123456789") == len;
    options->handle_s = is_number ? strtoull(text, NULL, 10) : 0;
    return (options->handle_s > 0 && options->handle_s <= OPTIONS_AHT_MAX) ||
           option_complain("--aht", "must be a number of seconds from 1 to 86400");
}

bool option_format(const char *text, struct options *options)
{
    options->format = !strcmp(text, "csv") ? EXPORT_CSV : EXPORT_JSON;
    return !strcmp(text, "csv") || !strcmp(text, "json") ||
           option_complain("--format", "is json or csv");
}

bool option_number(const char *text)
{
    struct phone_number number;
    return (phone_number_read(&number, view_of_text(text)) &&
            (number.is_address || number.digits[0])) ||
           option_complain("--number", "is not a telephone number and not a SIP address");
}

bool option_url(const char *text)
{
    size_t len = strlen(text);
    bool is_plain = len == strcspn(text, " \t\r\n\"\\<>");
    return (!strncmp(text, "https://", 8) && len > 8 && len <= OPTIONS_URL_MAX && is_plain) ||
           option_complain("--url", "must begin with https:// and have at most 1000 characters");
}
