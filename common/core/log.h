// One line for each event, on standard error: a sentence and fields, as text or JSON. A reader that
// stopped or a full disk never stops the process: such lines are dropped and counted. The sink is
// the one piece of process-wide state here, as standard error itself is.
#ifndef DIALIN_LOG_H
#define DIALIN_LOG_H

#include "bytes.h"

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

// Any case; loguru's names count too (TRACE, SUCCESS, CRITICAL), for .env files written for it.
bool log_level_from_text(const char *text, enum log_level *level);

void log_open(const char *program, enum log_level level, bool json);
bool log_is_on(enum log_level level);
uint64_t log_dropped(void); // lines that could not be written

struct log_field {
    const char *name; // NULL ends a list
    enum { LOG_FIELD_TEXT, LOG_FIELD_NUMBER, LOG_FIELD_PHONE } kind;
    struct bytes_view text;
    int64_t number;
};

// Values are escaped; an empty text is left out. They are borrowed for the call only.
struct log_field log_text(const char *name, const char *value);
struct log_field log_view(const char *name, struct bytes_view value);
struct log_field log_number(const char *name, int64_t value);
struct log_field log_phone(const char *name, const char *value); // last four characters only

#define LOG_LINE_BYTES_MAX 2048 // longer lines are cut; below PIPE_BUF, so lines never interleave

void log_write(enum log_level level, const char *message, const struct log_field *fields);

// The rest of the array is zero, and so the list's end.
#define LOG_FIELDS_MAX 12 // one more would compile, and find no end
#define LOG_FIELDS(...) ((const struct log_field[LOG_FIELDS_MAX + 1]){__VA_ARGS__})
#define log_error(message, ...) log_write(LOG_LEVEL_ERROR, message, LOG_FIELDS(__VA_ARGS__))
#define log_warning(message, ...) log_write(LOG_LEVEL_WARNING, message, LOG_FIELDS(__VA_ARGS__))
#define log_info(message, ...) log_write(LOG_LEVEL_INFO, message, LOG_FIELDS(__VA_ARGS__))
#define log_debug(message, ...) log_write(LOG_LEVEL_DEBUG, message, LOG_FIELDS(__VA_ARGS__))

#endif
