// A recorded call as members of a JSON object, for programs: the names are those of its hash.
#ifndef DIALIN_AUDIT_CALL_JSON_H
#define DIALIN_AUDIT_CALL_JSON_H

#include "json_line.h"
#include "recorded_call.h"

void call_to_json(const struct recorded_call *call, uint64_t now_ms, struct json_line *line);

// The fields of an entry of the audit stream; numbers as numbers.
void event_to_json(const redisReply *row, struct json_line *line);

#endif
