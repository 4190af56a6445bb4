// The limits of an answer of Redis: so many values, so many bytes, and only to a question. hiredis
// takes whatever a server sends: it would hold half a gigabyte, and fails an assertion at an answer
// that nobody waits for. An answer beyond the limits breaks the connection.
#ifndef DIALIN_REDIS_LIMIT_H
#define DIALIN_REDIS_LIMIT_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>

#define REDIS_LIMIT_VALUES (256 * 1024)         // in one answer, nested ones counted
#define REDIS_LIMIT_BYTES (288UL * 1024 * 1024) // 256 entries with bodies of 1 MB, and their rest
#define REDIS_LIMIT_VALUE_BYTES (2UL * 1024 * 1024) // one value while it is coming in

struct redis_limit {
    const size_t *in_flight; // commands sent and not answered; borrowed
    const char *problem;     // the reason of a refusal; NULL: none
    size_t values, bytes;    // of the answer that is coming in
};

// From now on `reader` refuses answers beyond the limits: it then fails with an error of its own.
// `limit` must live as long as the reader.
void redis_limit_watch(struct redis_limit *limit, redisReader *reader, const size_t *in_flight);

// An answer is complete: the next one counts from nothing.
void redis_limit_next(struct redis_limit *limit);

// Returns true if more bytes have come in than one value may have, and hiredis has not parsed them
// yet.
bool redis_limit_is_passed(struct redis_limit *limit, const redisReader *reader);

#endif
