// Reads the lines of an answer's head, one at a time.
#ifndef DIALIN_HTTP_ANSWER_HEAD_H
#define DIALIN_HTTP_ANSWER_HEAD_H

#include "bytes.h"

#include <stdbool.h>
#include <stddef.h>

// After this line: whether the answer is final (a status from 200 on). A line that is not a status
// line leaves it as it `was_final`.
bool http_answer_head_is_final(const char *line, size_t len, bool was_final);

// If this line is the field `name` (lower case, with its colon), `value` becomes its value.
void http_answer_head_value(const char *line, size_t len, const char *name, struct bytes *value);

#endif
