// The record of operators, in the stream {dialin}:operators: the intent before the action,
// so that none goes unrecorded, and the outcome after it, with the intent's id.
#ifndef DIALIN_BOARD_OPERATORS_H
#define DIALIN_BOARD_OPERATORS_H

#include "http_server.h"
#include "live.h"

// Borrowed.
struct operator_intent {
    const char *action;
    const char *field, *value; // `call_id`, `agent` or `query`, and which
    const char *operator;      // of the user header, or "token"
    const char *peer;
};

// `id` is that of the intent; NULL: it could not be written, and the action must not be done.
typedef void operators_on_noted(const char *id, void *arg);

struct operators;
// Both are borrowed.
struct operators *operators_open(struct live *live, const struct board_settings *settings);
void operators_close(struct operators *operators);

// `prefix` is the number of the prefix that is acted on: each has a record of its own. The callback
// comes once; from inside this call only if the connection is down.
void operators_intend(struct operators *operators, size_t prefix,
                      const struct operator_intent *intent, operators_on_noted *on_noted,
                      void *arg);
void operators_note_outcome(struct operators *operators, size_t prefix, const char *id,
                            const char *outcome);

// Answers with the newest entries of each prefix.
void operators_answer_list(struct operators *operators, struct http_request *request);

#endif
