// An event of the audit stream as the page gets it: without request and answer, its numbers hidden.
#ifndef DIALIN_BOARD_EVENT_TEXT_H
#define DIALIN_BOARD_EVENT_TEXT_H

#include "redis_reply.h"

#define EVENT_TEXT_BYTES_MAX 4096

// Appends the row as a message of a stream of events (`id:`, `event:`, `data:`), ended by an empty
// line. `row` is as XRANGE answers it. `prefix` NULL: there is one only; else the event names it,
// and the message has no id, because no id tells where one is in several streams. False, and `out`
// as it was, if it does not fit.
bool event_text_append(const redisReply *row, const char *prefix, struct bytes *out);

#endif
