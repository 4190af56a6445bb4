// See log.h. A line is built in one buffer of fixed size and written with one write(2), after
// poll(2) has said that standard error takes it: a pipe that is full, because its reader stopped,
// must not stop a call. A line that is too long is cut inside a value, never inside an escape, and
// its quote and brace are still closed: cut JSON is JSON.
#include "log.h"

#include "loop.h"

#include <assert.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#define PHONE_DIGITS_SHOWN 4
#define ENDING_BYTES 3 // always free: a closing quote, a brace and the newline

// The sink: as much process-wide as standard error itself.
static struct {
    const char *program;
    enum log_level level;
    bool json;
    uint64_t dropped;
    uint64_t dropped_said;
} sink = {.program = "dialin", .level = LOG_LEVEL_INFO};

struct line {
    char text[LOG_LINE_BYTES_MAX];
    size_t len;
    bool is_full; // something did not fit: nothing more is put
};

static const char *const LEVELS[] = {"error", "warning", "info", "debug"};

bool log_level_from_text(const char *text, enum log_level *level)
{
    static const struct {
        const char *text;
        enum log_level level;
    } TABLE[] = {
        {"error", LOG_LEVEL_ERROR},  {"critical", LOG_LEVEL_ERROR}, {"warning", LOG_LEVEL_WARNING},
        {"warn", LOG_LEVEL_WARNING}, {"info", LOG_LEVEL_INFO},      {"success", LOG_LEVEL_INFO},
        {"debug", LOG_LEVEL_DEBUG},  {"trace", LOG_LEVEL_DEBUG},
    };
    for (size_t i = 0; i < sizeof TABLE / sizeof TABLE[0]; i++) {
        if (!strcasecmp(TABLE[i].text, text)) {
            *level = TABLE[i].level;
            return true;
        }
    }
    return false;
}

void log_open(const char *program, enum log_level level, bool json)
{
    sink.program = program;
    sink.level = level;
    sink.json = json;
}

bool log_is_on(enum log_level level)
{
    return level <= sink.level;
}

uint64_t log_dropped(void)
{
    return sink.dropped;
}

struct log_field log_view(const char *name, struct bytes_view value)
{
    return (struct log_field){.name = name, .kind = LOG_FIELD_TEXT, .text = value};
}

struct log_field log_text(const char *name, const char *value)
{
    return log_view(name, view_of_text(value));
}

struct log_field log_number(const char *name, int64_t value)
{
    return (struct log_field){.name = name, .kind = LOG_FIELD_NUMBER, .number = value};
}

struct log_field log_phone(const char *name, const char *value)
{
    return (struct log_field){.name = name, .kind = LOG_FIELD_PHONE, .text = view_of_text(value)};
}

// All of it or nothing.
static void put(struct line *line, const char *data, size_t len)
{
    line->is_full |= line->len + len > sizeof line->text - ENDING_BYTES;
    if (!line->is_full) {
        memcpy(line->text + line->len, data, len);
        line->len += len;
    }
}

static void put_ending(struct line *line, const char *text)
{
    for (; *text; text++) {
        assert(line->len < sizeof line->text);
        line->text[line->len++] = *text;
    }
}

static void put_text(struct line *line, const char *text)
{
    put(line, text, strlen(text));
}

// Escapes so that a value can never end its quotes or its line. A byte that is not ASCII shows as
// \xNN in both formats: JSON's \u00NN would claim that it is a Latin-1 character.
static void put_escaped(struct line *line, struct bytes_view value)
{
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.data[i];
        char escape[8];
        if (c == '"' || c == '\\') {
            snprintf(escape, sizeof escape, "\\%c", c);
            put_text(line, escape);
        } else if (c < 0x20 || c >= 0x7f) {
            const char *lead = !sink.json ? "\\x" : c < 0x20 ? "\\u00" : "\\\\x";
            snprintf(escape, sizeof escape, "%s%02x", lead, c);
            put_text(line, escape);
        } else {
            put(line, value.data + i, 1);
        }
    }
}

static bool needs_quotes(struct bytes_view value)
{
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.data[i];
        if (c <= ' ' || c >= 0x7f || c == '"' || c == '\\' || c == '=') {
            return true;
        }
    }
    return false;
}

static void put_value(struct line *line, struct bytes_view value)
{
    bool quoted = sink.json || needs_quotes(value);
    size_t before = line->len;
    put(line, "\"", quoted ? 1 : 0);
    put_escaped(line, value);
    put_ending(line, quoted && line->len > before ? "\"" : "");
}

static void put_phone(struct line *line, struct bytes_view value)
{
    char masked[PHONE_DIGITS_SHOWN + 4] = "***";
    size_t shown = value.len > PHONE_DIGITS_SHOWN ? PHONE_DIGITS_SHOWN : 0;
    memcpy(masked + 3, value.data + value.len - shown, shown);
    put_value(line, (struct bytes_view){masked, 3 + shown});
}

static void put_field_value(struct line *line, const struct log_field *field)
{
    char number[24];
    switch (field->kind) {
    case LOG_FIELD_TEXT:
        put_value(line, field->text);
        break;
    case LOG_FIELD_NUMBER:
        snprintf(number, sizeof number, "%lld", (long long)field->number);
        put_text(line, number);
        break;
    case LOG_FIELD_PHONE:
        put_phone(line, field->text);
        break;
    }
}

static void put_field(struct line *line, const struct log_field *field)
{
    size_t before = line->len;
    if (line->is_full || (field->kind != LOG_FIELD_NUMBER && field->text.len == 0)) {
        return;
    }
    put_text(line, sink.json ? ",\"" : " ");
    put_text(line, field->name);
    put_text(line, sink.json ? "\":" : "=");
    size_t value_at = line->len;
    put_field_value(line, field);
    if (line->len == value_at) { // a name without its value is not a field
        line->len = before;
    }
}

static void put_head(struct line *line, enum log_level level, const char *message)
{
    char text[128];
    char when[32];
    struct tm tm;
    uint64_t now_ms = loop_wall_ms();
    time_t now_s = (time_t)(now_ms / 1000);
    gmtime_r(&now_s, &tm);
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(text, sizeof text,
             sink.json ? "{\"time\":\"%s.%03uZ\",\"level\":\"%s\",\"program\":\"%s\",\"message\":"
                       : "%s.%03uZ %-7s %s: ",
             when, (unsigned)(now_ms % 1000), LEVELS[level], sink.program);
    put_text(line, text);
    if (sink.json) {
        put_value(line, view_of_text(message));
    } else {
        put_text(line, message);
    }
}

static bool write_line(const struct line *line)
{
    struct pollfd ready = {.fd = STDERR_FILENO, .events = POLLOUT};
    return poll(&ready, 1, 0) == 1 && (ready.revents & POLLOUT) &&
           write(STDERR_FILENO, line->text, line->len) == (ssize_t)line->len;
}

static bool write_event(enum log_level level, const char *message, const struct log_field *fields)
{
    struct line line = {.len = 0};
    put_head(&line, level, message);
    for (const struct log_field *field = fields; field->name; field++) {
        put_field(&line, field);
    }
    put_ending(&line, sink.json ? "}\n" : "\n");
    return write_line(&line);
}

void log_write(enum log_level level, const char *message, const struct log_field *fields)
{
    if (!log_is_on(level)) {
        return;
    }
    if (!write_event(level, message, fields)) {
        sink.dropped++;
        return;
    }
    uint64_t unsaid = sink.dropped - sink.dropped_said;
    if (unsaid > 0 && write_event(LOG_LEVEL_WARNING, "log lines could not be written",
                                  LOG_FIELDS(log_number("dropped", (int64_t)unsaid)))) {
        sink.dropped_said = sink.dropped;
    }
}
