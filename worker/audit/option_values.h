// The values of flags: each is read, or a sentence names the flag and the values that it takes.
#ifndef DIALIN_AUDIT_OPTION_VALUES_H
#define DIALIN_AUDIT_OPTION_VALUES_H

#include "options.h"

// "--limit must be a number", on standard error. Returns false.
bool option_complain(const char *subject, const char *sentence);

bool option_time(const char *flag, const char *text, uint64_t *ms);
bool option_limit(const char *flag, const char *text, uint64_t *limit);
bool option_speed(const char *text, double *speed);
bool option_state(const char *text, struct options *options);
bool option_reason(const char *text, struct selection *selection);
bool option_verdict(const char *text, struct selection *selection);
bool option_kind(const char *text, struct selection *selection);
bool option_handle_s(const char *text, struct options *options);
bool option_format(const char *text, struct options *options);
bool option_colours(const char *text, enum screen_colours *colours);
bool option_number(const char *text);
bool option_url(const char *text);

#endif
