// Lists a stream that is not the record of calls, newest first: dead letters, refused webhooks.
#ifndef DIALIN_AUDIT_STREAM_LIST_H
#define DIALIN_AUDIT_STREAM_LIST_H

#include "command.h"
#include "json_line.h"
#include "redis_keys.h"

// Prints the selected rows of a page. `count` rows were printed before; returns their new number.
typedef uint64_t stream_list_print(const struct audit *audit, const redisReply *rows,
                                   uint64_t count, struct json_line *line);

// If no row was printed, the sentence is `before`, the prefix of the keys, and `after`.
enum exit_code stream_list(struct audit *audit, enum redis_key stream, stream_list_print *print,
                           const char *before, const char *after);

#endif
